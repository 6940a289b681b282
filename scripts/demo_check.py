#!/usr/bin/env python3
"""Checks a portal that `make demo` has started, with the requests of a browser: demo_check.py URL ACCOUNT PASSWORD MINIMUM_ITEMS.

A demo with fewer items has failed to generate or index them.

Exits with 1 and a message if a check fails.
"""
import http.cookiejar
import json
import sys
import urllib.error
import urllib.request


def main(url, account, password, fewest):
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    opener = urllib.request.build_opener(cookies)
    origin = url.rstrip("/")

    def ask(path, body=None):
        request = urllib.request.Request(f"{origin}/{path}", headers={"Origin": origin, "Accept": "application/json"})
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.read()
        except urllib.error.HTTPError as e:
            sys.exit(f"demo: {path} returned {e.code}: {e.read().decode(errors='replace')}")

    ask("api/v1/session", {"account": account, "password": password})
    timeline = json.loads(ask("api/v1/timeline"))
    count = sum(day["count"] for day in timeline["days"]) + timeline["undated"]
    if count < int(fewest):
        sys.exit(f"demo: the timeline has {count} items; at least {fewest} were expected")
    page = json.loads(ask("api/v1/items?limit=5"))
    item = page["items"][0]["id"]
    picture = ask(f"api/v1/items/{item}/thumbnail/sm")
    if not picture.startswith(b"\xff\xd8"):
        sys.exit(f"demo: the thumbnail of item {item} is not a JPEG")
    if b"<div id=\"app\">" not in ask(""):
        sys.exit("demo: the portal was built without its front end")
    print(f"demo: {count} items in the timeline, thumbnails and the web application are served")


if __name__ == "__main__":
    main(*sys.argv[1:5])
