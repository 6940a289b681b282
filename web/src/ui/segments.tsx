// Links to several views of the same content, of which one is shown.

import "./segments.css";

export interface Segment {
  readonly to: string;
  readonly label: string;
  readonly isCurrent: boolean;
}

export function Segments({ label, segments }: { label: string; segments: readonly Segment[] }) {
  return (
    <nav class="segments" aria-label={label}>
      {segments.map(({ to, label, isCurrent }) => (
        <a key={to} href={to} aria-current={isCurrent ? "page" : undefined}>
          {label}
        </a>
      ))}
    </nav>
  );
}
