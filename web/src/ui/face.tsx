// A face cut out of a picture, in a circle.

import "./face.css";
import { useState } from "preact/hooks";
import { type ThumbnailSize, thumbnail } from "../api/client";
import { faceCrop } from "./crop";

/** `box`: x, y, width and height of the face as fractions of the picture; without it, the whole picture is shown. */
export function Face(props: {
  item: number;
  version: number;
  box: readonly number[] | undefined;
  size?: ThumbnailSize;
}) {
  const [style, setStyle] = useState<Record<string, string>>({});
  const [x = 0, y = 0, width = 1, height = 1] = props.box ?? [];
  return (
    <span class="face">
      <img
        alt=""
        loading="lazy"
        style={style}
        src={thumbnail(props.item, props.version, props.size ?? "m")}
        onLoad={(event) => {
          const { naturalWidth, naturalHeight } = event.currentTarget;
          setStyle(faceCrop([x, y, width, height], naturalWidth, naturalHeight));
        }}
      />
    </span>
  );
}
