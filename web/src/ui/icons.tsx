// Line icons on a 24 by 24 grid, drawn for Albumen.

const paths = {
  photos: "M4 5h16v14H4zM4 16l4.5-4.5 4 4 3-3L20 17M15.5 9.5h.01",
  folder: "M3.5 6.5h6l2 2.5h9v10h-17z",
  people:
    "M9 11a3.25 3.25 0 1 0 0-6.5A3.25 3.25 0 0 0 9 11zM3 19.5c.6-3.4 3-5.2 6-5.2s5.400 1.800 6 5.200M15.500 5.200a3 3 0 0 1 0 5.600M17.500 14.800c1.900.7 3.100 2.300 3.500 4.700",
  search: "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM15.500 15.500L20 20",
  close: "M6 6l12 12M18 6L6 18",
  back: "M14.500 5.500L8 12l6.500 6.500",
  info: "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM12 11v5.500M12 7.700h.01",
  download: "M12 4v11M7.500 11l4.500 4.500L16.500 11M5 19.500h14",
  account: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20.500c.8-4 3.800-6 7.500-6s6.700 2 7.500 6",
  warning: "M12 4L2.800 19.500h18.400zM12 10v4.500M12 17.200h.01",
} as const;

export type IconName = keyof typeof paths;

/** An icon beside a text, or in a button that has a label of its own: always hidden from screen readers. */
export function Icon({ name, flip }: { name: IconName; flip?: boolean }) {
  return (
    <svg class={flip ? "icon is-flipped" : "icon"} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
