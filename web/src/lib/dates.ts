// Days of the timeline in words. A day is `2023-07-01`; partial dates are `1965-07` or `1965`.

/** Parts of a day; undefined if it is not a date. */
export function parts(day: string): { year: number; month?: number; day?: number } | undefined {
  const m = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/.exec(day);
  if (!m) return undefined;
  const [, year, month, date] = m;
  return {
    year: Number(year),
    ...(month === undefined ? {} : { month: Number(month) }),
    ...(date === undefined ? {} : { day: Number(date) }),
  };
}

function utc(year: number, month: number, day: number): Date {
  const date = new Date(0);
  // Date.UTC treats years below 100 as 19xx.
  date.setUTCFullYear(year, month - 1, day);
  return date;
}

const formats = new Map<string, Intl.DateTimeFormat>();
function format(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = language + JSON.stringify(options);
  let f = formats.get(key);
  if (!f) {
    f = new Intl.DateTimeFormat(language, { ...options, timeZone: "UTC" });
    formats.set(key, f);
  }
  return f;
}

/** `Saturday, 1 July 2023`, without the year in the current one; `July 1965`; `1965`. */
export function dayInWords(day: string, language: string, currentYear: number): string {
  const p = parts(day);
  if (!p) return day;
  if (p.month === undefined) return String(p.year);
  if (p.day === undefined)
    return format(language, { year: "numeric", month: "long" }).format(utc(p.year, p.month, 1));
  const year = p.year === currentYear ? {} : ({ year: "numeric" } as const);
  return format(language, { weekday: "short", day: "numeric", month: "short", ...year }).format(
    utc(p.year, p.month, p.day),
  );
}

/** `July 2023`; a year alone is unchanged. */
export function monthInWords(day: string, language: string): string {
  const p = parts(day);
  if (!p) return day;
  if (p.month === undefined) return String(p.year);
  return format(language, { year: "numeric", month: "short" }).format(utc(p.year, p.month, 1));
}

/** `1:05`, `1:02:33`. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  const m = Math.floor((s % 3600) / 60);
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** `1 Jul 2023, 10:20`, in a row of a list. */
export function momentInShort(local: string, language: string): string {
  const [day = "", time] = local.split("T");
  const p = parts(day);
  if (p?.month === undefined || p.day === undefined) return dayInWords(day, language, -1);
  const date = format(language, { day: "numeric", month: "short", year: "numeric" });
  return [date.format(utc(p.year, p.month, p.day)), time?.slice(0, 5)].filter((part) => part).join(", ");
}

/** A time of the index (`2023-07-01T10:20:30`, or shorter) in words, with its precision. */
export function momentInWords(local: string, language: string): string {
  const [day = "", time] = local.split("T");
  const words = (() => {
    const p = parts(day);
    if (p?.month === undefined || p.day === undefined) return dayInWords(day, language, -1);
    const options = { weekday: "long", day: "numeric", month: "long", year: "numeric" } as const;
    return format(language, options).format(utc(p.year, p.month, p.day));
  })();
  return time ? `${words}, ${time.slice(0, 5)}` : words;
}
