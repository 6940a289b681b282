/** The day a number of days before a time, `2023-07-01`, in UTC, as the index records additions. */
export function dayBefore(moment: Date, days: number): string {
  return new Date(moment.getTime() - days * 86_400_000).toISOString().slice(0, 10);
}
