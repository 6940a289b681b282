// Facts in words.

/** `1/250 s`, `0.8 s`, `13 s`. */
export function exposure(seconds: number): string {
  if (seconds > 0 && seconds < 0.3) return `1/${Math.round(1 / seconds)} s`;
  return `${Number(seconds.toFixed(1))} s`;
}

/** Maker and model; without the maker if the model begins with the first word of it: `Canon EOS R6`, `samsung SM-G998B`. */
export function cameraName(make = "", model = ""): string {
  const maker = make.split(" ", 1)[0] ?? "";
  return model.toLowerCase().startsWith(maker.toLowerCase()) && model ? model : `${make} ${model}`.trim();
}

/** `3.4 MB`, in steps of 1,000, as phones and cameras count. */
export function size(bytes: number, lang: string): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const format = {
    style: "unit",
    unit: units[step] ?? "byte",
    unitDisplay: "short",
    maximumFractionDigits: 1,
  } as const;
  return new Intl.NumberFormat(lang, format).format(bytes / 1000 ** step);
}
