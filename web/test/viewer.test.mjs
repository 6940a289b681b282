import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, launch, middle, openFound, photos, signedIn, sizes, text, touch } from "./browser.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const bar = (label) => `.viewer-bar button[aria-label="${label}"]`;

async function opened(page) {
  await photos(page);
  await page.click(".tile");
  await page.waitForSelector(".pswp__img");
  await page.waitForSelector(bar("Information"));
}

/** How large the picture is drawn. */
const width = (page) =>
  page.$eval(
    '.pswp__item[aria-hidden="false"] .pswp__img:not(.pswp__img--placeholder)',
    (e) => e.getBoundingClientRect().width,
  );

test("the viewer opens, leafs, shows facts, and gives the focus back", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await opened(page);
    const first = page.url();
    assert.match(first, /photos\/item\/\d+/);
    await page.keyboard.press("i");
    await page.waitForSelector(".info dd");
    await accessible(page, "viewer with facts");
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((url) => location.href !== url, {}, first);
    await page.keyboard.press("i");
    await page.waitForSelector(".info", { hidden: true });
    await page.keyboard.press("?");
    await page.waitForSelector("dialog .keys");
    await accessible(page, "keys of the viewer");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { hidden: true });
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.activeElement?.classList.contains("tile"));
    assert.doesNotMatch(page.url(), /item/);
  });
});

test("the wheel and a double click zoom, and the picture gets its own pixels", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await opened(page);
    await page.waitForFunction(() => document.querySelector(".pswp__img")?.complete);
    const before = await width(page);
    await page.mouse.move(720, 450);
    await page.mouse.wheel({ deltaY: -600 });
    await page.waitForFunction(
      (w) =>
        [...document.querySelectorAll(".pswp__img")].some((i) => i.getBoundingClientRect().width > w * 1.3),
      {},
      before,
    );
    await page.waitForSelector(".pswp__img[data-full=shown]");
    assert.match(await page.$eval(".pswp__img[data-full=shown]", (e) => e.src), /original$/);
  });
});

test("fingers swipe to the next photo, pinch and tap twice to zoom (390 px)", async () => {
  await signedIn(browser, "", { size: sizes.phone }, async (page) => {
    await opened(page);
    const first = page.url();
    await touch(
      page,
      [300, 285, 250, 210, 160, 110, 70].map((x) => [[x, 420]]),
    );
    await page.waitForFunction((url) => location.href !== url, {}, first);
    await page.waitForSelector('.pswp__item[aria-hidden="false"] .pswp__img');
    const before = await width(page);
    await touch(page, [
      [
        [180, 420],
        [210, 420],
      ],
      [
        [150, 420],
        [240, 420],
      ],
      [
        [110, 420],
        [280, 420],
      ],
      [
        [70, 420],
        [320, 420],
      ],
    ]);
    await page.waitForFunction(
      (w) =>
        [...document.querySelectorAll(".pswp__img")].some((i) => i.getBoundingClientRect().width > w * 1.3),
      {},
      before,
    );
    await accessible(page, "viewer on a phone");
  });
});

test("a slideshow goes on by itself, can be paused, and ends with Escape", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await opened(page);
    await page.keyboard.press("s");
    await page.waitForSelector(".slideshow");
    await page.select(".slideshow-interval", "3");
    const first = page.url();
    await page.waitForFunction((url) => location.href !== url, { timeout: 20_000 }, first);
    await accessible(page, "slideshow");
    await page.click(".slideshow button");
    await page.waitForSelector('.slideshow button[aria-label="Go on with the slideshow"]');
    await page.keyboard.press("Escape");
    await page.waitForSelector(".slideshow", { hidden: true });
    assert.ok(await page.$(".pswp--open"));
  });
});

test("a video is played from the original, by ranges", async () => {
  await signedIn(browser, "", {}, async (page) => {
    const parts = [];
    page.on("response", (r) => /original$/.test(r.url()) && parts.push(r.status()));
    await openFound(page, "kind:video");
    await page.waitForSelector(".viewer-video");
    await page.keyboard.press(" ");
    await page.waitForFunction(() => document.querySelector(".viewer-video").currentTime > 0.2);
    assert.ok(parts.includes(206), `statuses ${parts.join(", ")}`);
    assert.ok(await page.$eval(".viewer-video", (v) => v.videoWidth > 0 && v.seekable.length > 0));
  });
});

test("a video plays on when its list is loaded later", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await page.setRequestInterception(true);
    const held = [];
    page.on("request", (request) => {
      if (/api\/v1\/timeline/.test(request.url()) && held.isHeld) held.push(request);
      else void request.continue();
    });
    await photos(page);
    held.isHeld = true;
    await openFound(page, "kind:video");
    await page.waitForSelector(".viewer-video");
    await page.$eval(".viewer-video", (video) => {
      video.loop = true;
      globalThis.first = video;
    });
    await page.keyboard.press(" ");
    await page.waitForFunction(() => globalThis.first.currentTime > 0.1);
    assert.ok(await page.$(".pswp--one-slide"));
    held.isHeld = false;
    for (const request of held) void request.continue();
    await page.waitForSelector(".pswp:not(.pswp--one-slide)");
    const state = await page.evaluate(() => ({
      isSame: document.querySelector('.pswp__item[aria-hidden="false"] video') === globalThis.first,
      isPaused: globalThis.first.paused,
    }));
    assert.deepEqual(state, { isSame: true, isPaused: false });
    // Its neighbours are those of the list.
    const url = page.url();
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((before) => location.href !== before, {}, url);
    assert.ok(await page.evaluate(() => globalThis.first.paused));
    await page.keyboard.press("ArrowLeft");
    await page.waitForFunction((before) => location.href === before, {}, url);
  });
});

test("the clip of a motion photo plays over it", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await openFound(page, "is:motion");
    await page.waitForSelector(bar("Play the moment"));
    await page.click(bar("Play the moment"));
    await page.waitForFunction(() => document.querySelector(".viewer-clip")?.currentTime > 0.1);
    assert.ok(await page.$eval(".viewer-clip", (v) => v.videoWidth > 0));
    await page.waitForSelector(".viewer-clip", { hidden: true });
  });
});

test("a sphere is looked at from inside, by keys and by mouse", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await openFound(page, "is:360");
    await page.waitForSelector(bar("Look around"));
    await page.click(bar("Look around"));
    await page.waitForSelector(".viewer-panorama[data-state=shown]");
    // The drawing buffer is empty after a frame: the screen is compared.
    const look = async () => {
      await page.evaluate(
        () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
      );
      return (
        await page.screenshot({ clip: { x: 200, y: 200, width: 800, height: 400 }, encoding: "base64" })
      ).toString();
    };
    const first = await look();
    for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowRight");
    const turned = await look();
    assert.notEqual(turned, first);
    await page.mouse.move(700, 400);
    await page.mouse.down();
    await page.mouse.move(500, 500, { steps: 5 });
    await page.mouse.up();
    assert.notEqual(await look(), turned);
    const url = page.url();
    await page.keyboard.press("Escape");
    await page.waitForSelector(".viewer-panorama", { hidden: true });
    assert.equal(page.url(), url, "arrow keys turned the view and not the page");
  });
});

test("a photo is shared as a file, downloaded and printed", async () => {
  // Chromium on Linux shares with no apps: the page's side is what is tested.
  const before = (page) =>
    page.evaluateOnNewDocument(() => {
      navigator.canShare = () => true;
      navigator.share = async ({ files }) => {
        globalThis.shared = files.map((f) => [f.name, f.type, f.size]);
      };
      globalThis.print = () => {
        globalThis.printed = (globalThis.printed ?? 0) + 1;
      };
    });
  await signedIn(browser, "", { before }, async (page) => {
    await opened(page);
    await page.waitForSelector(bar("Share"));
    await page.click(bar("Share"));
    await page.waitForFunction(() => globalThis.shared !== undefined);
    const [[name, type, size]] = await page.evaluate(() => globalThis.shared);
    assert.match(name, /\.(jpg|JPG|mp4)$/);
    assert.match(type, /^(image|video)\//);
    assert.ok(size > 1000);
    await page.keyboard.press("p");
    await page.waitForFunction(() => globalThis.printed === 1);
    await page.keyboard.press("i");
    await page.waitForSelector(".info a.button[download]");
    const saved = await page.$eval(".info a.button[download]", async (a) => {
      const answer = await fetch(a.href);
      return [answer.status, answer.headers.get("Content-Disposition")];
    });
    assert.equal(saved[0], 200);
    assert.match(saved[1], /^attachment/);
    assert.ok((await text(page, ".info")).includes(name));
  });
});

test("an item that is opened by its address stands in its list", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    const id = await openFound(page, "2019");
    await page.waitForFunction((n) => location.pathname.endsWith(`/${n}`), {}, id);
    // Its neighbours are there once the part of the timeline around it is loaded.
    await page.waitForSelector(".pswp__button--arrow--next:not(:disabled)");
    const first = page.url();
    await page.waitForFunction(
      (url) => {
        document.dispatchEvent(
          new KeyboardEvent("keydown", { key: "ArrowRight", keyCode: 39, bubbles: true }),
        );
        return location.href !== url;
      },
      { polling: 500 },
      first,
    );
    assert.ok((await middle(page, ".viewer-bar button")).every((n) => n > 0));
  });
});
