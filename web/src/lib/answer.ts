// The request of a page when it opens.

import { useEffect, useState } from "preact/hooks";
import { sessionEnded } from "./session";

export interface Answer<T> {
  /** Absent until it is loaded. */
  readonly answer: T | undefined;
  readonly error: unknown;
  readonly retry: () => void;
}

/** Repeats the request when one of `inputs` changes; the previous request is cancelled. */
export function useAnswer<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
): Answer<T> {
  const [answer, setAnswer] = useState<T>();
  const [error, setError] = useState<unknown>();
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    setError(undefined);
    ask(controller.signal)
      .then((got) => controller.signal.aborted || setAnswer(() => got))
      .catch((e) => controller.signal.aborted || sessionEnded(e) || setError(e));
    return () => controller.abort();
  }, [...inputs, attempt]);
  return { answer, error, retry: () => setAttempt((n) => n + 1) };
}
