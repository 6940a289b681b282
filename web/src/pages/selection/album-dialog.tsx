// Adds items to an album: an existing or a new one.

import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { t } from "../../i18n";
import { useAnswer } from "../../lib/answer";
import { Dialog } from "../../ui/dialog";
import { Icon } from "../../ui/icons";
import { Failed } from "../../ui/states";

export function AlbumDialog(props: {
  close: () => void;
  /** `run` adds the items to the album of this name. */
  add: (run: (items: readonly number[]) => Promise<unknown>, name: string) => void;
}) {
  const [name, setName] = useState("");
  const { answer, error, retry } = useAnswer((signal) => api.albums(signal), []);
  // Others are stored searches, or belong to other accounts.
  const albums = answer?.albums.filter(
    (album) => album.query === undefined && album.rights.includes("manage"),
  );
  return (
    <Dialog title={t("select.addToAlbum")} close={props.close}>
      {error !== undefined && <Failed error={error} retry={retry} />}
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          const wanted = name.trim();
          if (wanted !== "") props.add((items) => api.addAlbum(wanted, items), wanted);
        }}
      >
        <label class="field">
          <span>{t("albums.new")}</span>
          <input
            class="input"
            name="album"
            maxLength={200}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="button is-primary" disabled={name.trim() === ""}>
          {t("albums.make")}
        </button>
      </form>
      <ul>
        {albums?.map((album) => (
          <li key={album.id}>
            <button
              type="button"
              class="menu-entry"
              onClick={() => props.add((items) => api.fillAlbum(album.id, items, []), album.name)}
            >
              <Icon name="albums" />
              {album.name}
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
