/** The shift of dates in the API's format: `+02:00:00`, `-26:30:00`. Undefined if there is none. */
export function shiftOf(days: number, hours: number, minutes: number): string | undefined {
  const total = Math.round((days * 24 + hours) * 60 + minutes);
  if (!Number.isFinite(total) || total === 0) return undefined;
  const two = (n: number) => String(n).padStart(2, "0");
  const size = Math.abs(total);
  return `${total < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}:00`;
}
