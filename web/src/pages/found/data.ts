/** The day so many days before a moment, `2023-07-01`, by UTC as the index counts when items were added. */
export function dayBefore(moment: Date, days: number): string {
  return new Date(moment.getTime() - days * 86_400_000).toISOString().slice(0, 10);
}
