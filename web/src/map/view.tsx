// A map of the photos of a list: clusters that show their newest photo, and beside it the photos in view. Land and borders
// are files of the application; nothing is loaded from elsewhere.

import "./map.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { api, type List, thumbnail } from "../api/client";
import type { Cluster } from "../api/shapes";
import { language, t } from "../i18n";
import { useAnswer } from "../lib/answer";
import { sessionEnded } from "../lib/session";
import { Icon } from "../ui/icons";
import { Empty, explain, Failed } from "../ui/states";
import { announce } from "../ui/toast";
import { ZoomButtons } from "./buttons";
import { useChart } from "./chart";
import {
  around,
  type Box,
  boxOf,
  boxText,
  fitting,
  MAX_ZOOM,
  pixelOf,
  type Size,
  type View,
  viewOf,
  viewText,
  worldX,
  worldY,
  zoomed,
} from "./mercator";

/** Milliseconds without movement before the photos in view are requested. */
const PAUSE = 180;
/** Pixels around the photos when the map shows all of them. */
const MARGIN = 72;
/** When the map shows all photos, it is not closer than this: a coast or a border is in view. */
const OVERVIEW = 9;
/** Photos in the list beside the map. */
const LISTED = 60;

export interface MapProps {
  /** The list whose photos are shown. */
  list: List;
  /** The view in the address, `LATITUDE,LONGITUDE,ZOOM`; without it, all photos are in view. */
  at: string | undefined;
  /** The view has changed. */
  moved: (at: string) => void;
  /** Address of a photo. */
  address: (item: number) => string;
  /** Address of the list of the photos in a box, if there is such a page. */
  all?: (box: string) => string;
}

export function PhotoMap(props: MapProps) {
  const { list } = props;
  const { answer, error, retry } = useAnswer(
    (signal) => api.map(list, {}, signal),
    [list.space, list.q, list.folder, list.album, list.person],
  );
  if (error !== undefined) return <Failed error={error} retry={retry} />;
  if (!answer) return <div class="map" aria-busy="true" />;
  const extent = around(answer.clusters.map(({ box }) => box as unknown as Box));
  if (!extent) return <Empty icon="place" title={t("places.empty")} hint={t("places.emptyHint")} />;
  return <Chart {...props} extent={extent} />;
}

function overview(extent: Box, size: Size): View {
  const view = fitting(extent, size, MARGIN);
  return { ...view, zoom: Math.min(view.zoom, OVERVIEW) };
}

function Chart(props: MapProps & { extent: Box }) {
  const { list, extent } = props;
  const {
    chart,
    canvas,
    size,
    view,
    show: setView,
  } = useChart((measured) => viewOf(props.at ?? "") ?? overview(extent, measured));
  const [clusters, setClusters] = useState<readonly Cluster[]>([]);
  /** Photos that no zoom separates. */
  const [spot, setSpot] = useState<Cluster>();
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    if (!view || !size) return;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      latest.current.moved(viewText(view));
      api
        .map(
          list,
          { box: boxText(boxOf(view, size, 0.3)), zoom: Math.min(MAX_ZOOM, Math.round(view.zoom)) },
          controller.signal,
        )
        .then((answer) => setClusters(answer.clusters))
        .catch((e) => controller.signal.aborted || sessionEnded(e) || announce(explain(e)));
    }, PAUSE);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [view, size, list.space, list.q, list.folder, list.album, list.person]);

  const show = (to: View) => {
    setSpot(undefined);
    setView(to);
  };
  const zoom = (by: number) =>
    view && size && show(zoomed(view, view.zoom + by, [size.width / 2, size.height / 2], size));
  const choose = (cluster: Cluster) => {
    if (!view || !size) return;
    const closer = fitting(cluster.box as unknown as Box, size, MARGIN);
    if (closer.zoom < MAX_ZOOM && closer.zoom > view.zoom + 0.2) show(closer);
    else if (view.zoom < MAX_ZOOM - 3 && closer.zoom < MAX_ZOOM) show({ ...closer, zoom: view.zoom + 2 });
    else setSpot(cluster);
  };
  return (
    <div class="map">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move the map */}
      <div class="map-chart" ref={chart} role="application" tabIndex={0} aria-label={t("map.label")}>
        <canvas ref={canvas} />
        {view &&
          size &&
          clusters.map((cluster) => (
            <Marker
              key={cluster.item}
              cluster={cluster}
              at={pixelOf(worldX(cluster.lon), worldY(cluster.lat), view, size)}
              isChosen={spot?.item === cluster.item}
              address={props.address}
              choose={() => choose(cluster)}
            />
          ))}
        <ZoomButtons zoom={zoom} all={() => size && show(overview(extent, size))} />
        <p class="map-source">{t("map.source")}</p>
      </div>
      {view && size && <InView {...props} box={spot ? around([wide(spot.box)]) : boxOf(view, size)} />}
    </div>
  );
}

/** A little more than the box, as decimals are cut. */
const wide = ([south = 0, west = 0, north = 0, east = 0]: readonly number[]): Box => [
  south - 2e-4,
  west - 2e-4,
  north + 2e-4,
  east + 2e-4,
];

function Marker(props: {
  cluster: Cluster;
  at: readonly [number, number];
  isChosen: boolean;
  address: (item: number) => string;
  choose: () => void;
}) {
  const { cluster, at } = props;
  const picture = cluster.cover ? (
    <img alt="" draggable={false} src={thumbnail(cluster.cover.id, cluster.cover.key, "sm")} />
  ) : (
    <Icon name="photos" />
  );
  const style = { transform: `translate(${at[0]}px, ${at[1]}px) translate(-50%, -50%)` };
  if (cluster.items === 1)
    return (
      <a
        class="map-marker"
        data-enter
        style={style}
        href={props.address(cluster.item)}
        aria-label={t("map.one")}
      >
        {picture}
      </a>
    );
  return (
    <button
      type="button"
      class={props.isChosen ? "map-marker is-chosen" : "map-marker"}
      style={style}
      aria-label={t("map.cluster", { count: cluster.items })}
      onClick={props.choose}
    >
      {picture}
      <span class="map-count" aria-hidden="true">
        {new Intl.NumberFormat(language.value, { notation: "compact" }).format(cluster.items)}
      </span>
    </button>
  );
}

/** The photos in view. */
function InView(props: MapProps & { box: Box | undefined }) {
  const box = props.box ? boxText(props.box) : "";
  const q = [props.list.q, `box:${box}`].filter((part) => part).join(" ");
  const [asked, setAsked] = useState(q);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(q), PAUSE);
    return () => clearTimeout(timer);
  }, [q]);
  const { answer } = useAnswer(
    async (signal) => {
      const list = { ...props.list, q: asked };
      const [photos, facets] = await Promise.all([
        api.part(list, { offset: 0, limit: LISTED }, signal),
        api.map(list, { zoom: 0 }, signal),
      ]);
      return { photos, items: facets.items };
    },
    [asked, props.list.space, props.list.folder, props.list.album, props.list.person],
  );
  const ids = answer?.photos.ids ?? [];
  return (
    <section class="map-list" aria-label={t("map.inView")}>
      <header>
        <p role="status">{answer ? t("map.count", { count: answer.items }) : t("map.inView")}</p>
        {props.all && ids.length > 0 && <a href={props.all(box)}>{t("map.showAll")}</a>}
      </header>
      <ul>
        {ids.map((id, i) => (
          <li key={id}>
            <a data-enter href={props.address(id)} aria-label={t("map.photo", { count: i + 1 })}>
              <img alt="" loading="lazy" src={thumbnail(id, answer?.photos.keys[i] ?? 0, "sm")} />
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
