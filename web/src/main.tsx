// The application: the bar at the top, the tabs, and the page of the address.

import "./ui/tokens.css";
import "./ui/base.css";
import "./app.css";
import { render } from "preact";
import { AppBar } from "./app-bar";
import { t } from "./i18n";
import { follow, go, href, route } from "./lib/address";
import { followTheme, me, start, startError } from "./lib/session";
import { AlbumsPage } from "./pages/albums/view";
import { FoldersPage } from "./pages/folders/view";
import { FoundPage } from "./pages/found/view";
import { isLocked } from "./pages/lock/data";
import { Lock } from "./pages/lock/view";
import { NamedPage } from "./pages/named/view";
import { PlacesPage } from "./pages/places/view";
import { PreferencesPage } from "./pages/preferences/view";
import { ProblemsPage } from "./pages/problems/view";
import { SignIn } from "./pages/sign-in/view";
import { TimelinePage } from "./pages/timeline/view";
import { lazily } from "./ui/lazy";
import { Empty, Failed } from "./ui/states";
import { Toasts } from "./ui/toast";

const PeoplePage = lazily(async () => (await import("./pages/people/view")).PeoplePage, true);

function Page() {
  const [first] = route.value.segments;
  switch (first) {
    case "photos":
      return <TimelinePage />;
    case "folders":
      return <FoldersPage />;
    case "people":
      return <PeoplePage />;
    case "albums":
      return <AlbumsPage />;
    case "places":
      return <PlacesPage />;
    case "tags":
    case "subjects":
      return <NamedPage key={first} kind={first} />;
    case "videos":
    case "recent":
    case "favourites":
      return <FoundPage key={first} kind={first} />;
    case "problems":
      return <ProblemsPage />;
    case "preferences":
      return <PreferencesPage />;
    default:
      return (
        <main class="page is-padded">
          <Empty icon="warning" title={t("error.page")} hint={t("error.pageHint")} />
          <a class="button is-centred" href={href(["photos"])}>
            {t("error.home")}
          </a>
        </main>
      );
  }
}

function App() {
  if (startError.value !== undefined) return <Failed error={startError.value} retry={() => void start()} />;
  if (me.value === undefined) return null;
  const { segments, query } = route.value;
  if (me.value === null) {
    // After signing in, the requested address is opened.
    if (segments[0] !== "sign-in" && segments.length > 0) {
      const asked = `${href([...segments])}${query.size > 0 ? `?${query}` : ""}`;
      queueMicrotask(() => go(href(["sign-in"], { next: asked }), { replace: true }));
    }
    return <SignIn />;
  }
  if (segments.length === 0 || segments[0] === "sign-in") {
    queueMicrotask(() => go(href(["photos"]), { replace: true }));
    return null;
  }
  if (isLocked.value) return <Lock />;
  return (
    <div class="app">
      <AppBar />
      <Page />
      <Toasts />
    </div>
  );
}

const root = document.getElementById("app");
if (root) {
  follow();
  followTheme();
  void start();
  render(<App />, root);
}
