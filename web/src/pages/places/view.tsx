// Places: countries, their regions, their cities; each opens the search for its photos. Or a map of all photos.

import "./places.css";
import { api } from "../../api/client";
import { t } from "../../i18n";
import { go, href, route } from "../../lib/address";
import { useAnswer } from "../../lib/answer";
import { MapPage } from "../../map/page";
import { Segments } from "../../ui/segments";
import { Empty, Failed } from "../../ui/states";
import { Tiles } from "../../ui/tiles";
import { tilesOf } from "../named/view";

export function PlacesPage() {
  const [, second] = route.value.segments;
  const space = route.value.query.get("space") ?? undefined;
  return second === "map" ? <PlacesMap space={space} /> : <PlacesList space={space} />;
}

function Choice({ space, isMap }: { space: string | undefined; isMap: boolean }) {
  return (
    <Segments
      label={t("map.choice")}
      segments={[
        { to: href(["places"], { space }), label: t("map.list"), isCurrent: !isMap },
        { to: href(["places", "map"], { space }), label: t("map.map"), isCurrent: isMap },
      ]}
    />
  );
}

function PlacesMap({ space }: { space: string | undefined }) {
  return (
    <MapPage
      key={space}
      head={
        <>
          <h1>{t("tab.places")}</h1>
          <div class="tools">
            <Choice space={space} isMap />
          </div>
        </>
      }
      list={space ? { space } : {}}
      at={route.value.query.get("at") ?? undefined}
      moved={(at) => go(href(["places", "map"], { space, at }), { replace: true })}
      address={(item) => href(["photos", "item", item], { space })}
      all={(box) => href(["photos"], { space, q: `box:${box}` })}
    />
  );
}

function PlacesList({ space }: { space: string | undefined }) {
  const { answer, error, retry } = useAnswer((signal) => api.places(space, signal), [space]);
  return (
    <main class="page is-padded">
      <div class="page-head">
        <h1>{t("tab.places")}</h1>
        <div class="tools">
          <Choice space={space} isMap={false} />
        </div>
      </div>
      {error !== undefined && <Failed error={error} retry={retry} />}
      {answer?.countries.length === 0 && (
        <Empty icon="place" title={t("places.empty")} hint={t("places.emptyHint")} />
      )}
      {answer?.countries.map((country) => (
        <section key={country.code} class="place-country">
          <h2>
            <a href={href(["photos"], { q: country.query, space })}>{country.name}</a>
            <span class="count">{t("folders.items", { count: country.items })}</span>
          </h2>
          <Tiles icon="place" tiles={country.regions.flatMap((region) => tilesOf(region.cities, space))} />
          <p class="place-regions">
            {country.regions
              .filter((region) => region.name !== "" && region.query !== undefined)
              .map((region) => (
                <a key={region.name} class="chip" href={href(["photos"], { q: region.query, space })}>
                  {region.name}
                </a>
              ))}
          </p>
        </section>
      ))}
    </main>
  );
}
