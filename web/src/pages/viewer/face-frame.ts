// Keeps an element over the shown picture while it is zoomed and moved. During a swipe it is hidden.

import type PhotoSwipe from "photoswipe";
import type { RefObject } from "preact";

export interface Frame {
  readonly element: RefObject<HTMLDivElement | null>;
  /** Places the element, also after it was added to the page. */
  place(made: PhotoSwipe | undefined): void;
}

export function frameOf(element: RefObject<HTMLDivElement | null>): Frame {
  return {
    element,
    place: (made) => {
      const slide = made?.currSlide;
      if (!element.current) return;
      element.current.hidden = !made || !slide || made.mainScroll.isShifted();
      if (!slide) return;
      const { pan, currZoomLevel: zoom, width, height } = slide;
      Object.assign(element.current.style, {
        transform: `translate(${pan.x}px, ${pan.y}px)`,
        width: `${width * zoom}px`,
        height: `${height * zoom}px`,
      });
    },
  };
}

/** Follows the pictures of a viewer. */
export function follow(made: PhotoSwipe, frame: Frame): void {
  for (const event of ["change", "zoomPanUpdate", "resize", "imageSizeChange", "moveMainScroll"] as const)
    made.on(event, () => frame.place(made));
}
