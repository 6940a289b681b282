// Places: countries, their regions, their cities; each opens the search for its photos.

import "./places.css";
import { api } from "../../api/client";
import { t } from "../../i18n";
import { href, route } from "../../lib/address";
import { useAnswer } from "../../lib/answer";
import { Empty, Failed } from "../../ui/states";
import { Tiles } from "../../ui/tiles";
import { tilesOf } from "../named/view";

export function PlacesPage() {
  const space = route.value.query.get("space") ?? undefined;
  const { answer, error, retry } = useAnswer((signal) => api.places(space, signal), [space]);
  return (
    <main class="page is-padded">
      <h1>{t("tab.places")}</h1>
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
