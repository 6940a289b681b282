// A button that opens a panel, which closes on Escape, on a click elsewhere, and on loss of focus.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons";

export function Menu(props: {
  label: string;
  icon: IconName;
  /** A dot on the button: there is news in the panel. */
  isMarked?: boolean;
  children: ComponentChildren;
}) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();

  useEffect(() => {
    if (!isOpen) return;
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    const onEscape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      button.current?.focus();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    document.addEventListener("keydown", onEscape);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
      document.removeEventListener("keydown", onEscape);
    };
  }, [isOpen]);

  return (
    <div class="menu" ref={root}>
      <button
        ref={button}
        type="button"
        class={props.isMarked ? "icon-button is-marked" : "icon-button"}
        aria-label={props.label}
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name={props.icon} />
      </button>
      <div class="menu-panel" id={id} hidden={!isOpen}>
        {isOpen && props.children}
      </div>
    </div>
  );
}
