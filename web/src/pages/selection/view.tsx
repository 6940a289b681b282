// Actions on the selected items.

import "./selection.css";
import { useState } from "preact/hooks";
import { api } from "../../api/client";
import type { PhotoListProps } from "../../grid/photo-list";
import type { Selection } from "../../grid/selection";
import { t } from "../../i18n";
import { attempt, edit, mayEditSomething } from "../../lib/edits";
import { canShare, MOST_SAVED, save, share } from "../../lib/files";
import { sessionEnded } from "../../lib/session";
import { Dialog } from "../../ui/dialog";
import { iconButton } from "../../ui/icon-button";
import { Stars } from "../../ui/stars";
import { explain } from "../../ui/states";
import { announce } from "../../ui/toast";
import { AlbumDialog } from "./album-dialog";
import { DateDialog } from "./date-dialog";
import { PositionDialog } from "./position-dialog";

/** Maximum number of files that most apps accept at once. */
const MOST_SHARED = 30;

export function ActionBar(props: {
  selection: Selection;
  changed: () => void;
  /** Selects the whole list. */
  all: () => void;
  /** The album of the page, if it is not a stored search and may be changed. */
  album?: number | undefined;
  actions?: PhotoListProps["actions"];
}) {
  const { selection, album } = props;
  const [asks, setAsks] = useState<"tags" | "rating" | "date" | "album" | "position">();
  const ids = () => [...selection.ids];
  const count = selection.count.value;
  const change = async (what: Parameters<typeof edit>[1]) => {
    if (await edit(ids(), what)) finish();
  };
  const finish = () => {
    selection.clear();
    props.changed();
  };
  return (
    <section class="action-bar" aria-label={t("select.actions")}>
      {iconButton("close", t("select.clear"), () => selection.clear())}
      <strong role="status">{t("select.count", { count })}</strong>
      <button type="button" class="button action-bar-all" onClick={props.all}>
        {t("keys.selectAll")}
      </button>
      <div class="action-bar-actions">
        {props.actions?.(selection.ids, finish)}
        {iconButton("heart", t("edit.favourite"), () => void change({ set: { favourite: true } }))}
        {iconButton("albums", t("select.addToAlbum"), () => setAsks("album"))}
        {album !== undefined &&
          iconButton("remove", t("select.removeFromAlbum"), () => {
            void attempt(() => api.fillAlbum(album, [], ids()), t("select.removedFromAlbum", { count })).then(
              (done) => done && finish(),
            );
          })}
        {mayEditSomething() && (
          <>
            {iconButton("recent", t("edit.date"), () => setAsks("date"))}
            {iconButton("star", t("edit.rating"), () => setAsks("rating"))}
            {iconButton("tag", t("edit.tags"), () => setAsks("tags"))}
            {iconButton("place", t("position.title"), () => setAsks("position"))}
          </>
        )}
        {canShare() &&
          iconButton("share", t("viewer.share"), () => {
            if (count > MOST_SHARED) announce(t("select.tooManyToShare", { count: MOST_SHARED }));
            else void share(ids()).catch((e) => sessionEnded(e) || announce(explain(e)));
          })}
        {iconButton("download", t("viewer.download"), () => {
          if (count > MOST_SAVED) announce(t("select.tooManyToSave", { count: MOST_SAVED }));
          else for (const id of ids()) save(id);
        })}
      </div>
      {asks === "tags" && (
        <TagDialog
          count={count}
          close={() => setAsks(undefined)}
          save={(what) => {
            setAsks(undefined);
            void change(what);
          }}
        />
      )}
      {asks === "date" && (
        <DateDialog
          count={count}
          close={() => setAsks(undefined)}
          save={(what) => {
            setAsks(undefined);
            void change(what);
          }}
        />
      )}
      {asks === "position" && (
        <PositionDialog
          count={count}
          close={() => setAsks(undefined)}
          save={(gps) => {
            setAsks(undefined);
            void change({ set: { gps } });
          }}
        />
      )}
      {asks === "album" && (
        <AlbumDialog
          close={() => setAsks(undefined)}
          add={(run, name) => {
            setAsks(undefined);
            void attempt(() => run(ids()), t("select.addedToAlbum", { count, name })).then(
              (done) => done && selection.clear(),
            );
          }}
        />
      )}
      {asks === "rating" && (
        <Dialog title={t("edit.rating")} close={() => setAsks(undefined)}>
          <p>{t("select.ratingOf", { count })}</p>
          <Stars
            rating={0}
            rate={(rating) => {
              setAsks(undefined);
              void change({ set: { rating } });
            }}
          />
        </Dialog>
      )}
    </section>
  );
}

/** Words separated by commas. */
export function tagsOf(text: string): string[] {
  return [...new Set(text.split(",").map((tag) => tag.trim()))].filter((tag) => tag !== "");
}

function TagDialog(props: {
  count: number;
  close: () => void;
  save: (change: { add_tags: string[]; remove_tags: string[] }) => void;
}) {
  const [add, setAdd] = useState("");
  const [remove, setRemove] = useState("");
  return (
    <Dialog title={t("edit.tags")} close={props.close}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          props.save({ add_tags: tagsOf(add), remove_tags: tagsOf(remove) });
        }}
      >
        <p>{t("select.tagsOf", { count: props.count })}</p>
        <label class="field">
          <span>{t("edit.addTags")}</span>
          <input class="input" value={add} onInput={(e) => setAdd(e.currentTarget.value)} />
        </label>
        <label class="field">
          <span>{t("edit.removeTags")}</span>
          <input class="input" value={remove} onInput={(e) => setRemove(e.currentTarget.value)} />
        </label>
        <button type="submit" class="button is-primary" disabled={add + remove === ""}>
          {t("edit.save")}
        </button>
      </form>
    </Dialog>
  );
}
