// Parts of the application that are loaded when they are first shown.

import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failed } from "./states";

/** A component that loads another one. Until then the place is blank; `isPage`: a blank page. */
export function lazily<P extends object>(
  load: () => Promise<FunctionComponent<P>>,
  isPage = false,
): FunctionComponent<P> {
  let Loaded: FunctionComponent<P> | undefined;
  return function Lazy(props: P) {
    const [error, setError] = useState<unknown>();
    const [, setRound] = useState(0);
    const start = () => {
      setError(undefined);
      load().then((component) => {
        Loaded = component;
        setRound((n) => n + 1);
      }, setError);
    };
    useEffect(() => {
      if (!Loaded) start();
    }, []);
    if (Loaded) return <Loaded {...props} />;
    const failed = error === undefined ? null : <Failed error={error} retry={start} />;
    if (!isPage) return failed;
    return (
      <main class="page" aria-busy={failed === null}>
        {failed}
      </main>
    );
  };
}
