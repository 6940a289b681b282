// A button that shows an icon alone; its label is read out, and shown under the pointer.

import { Icon, type IconName } from "./icons";

export const iconButton = (icon: IconName, label: string, run: () => void) => (
  <button type="button" class="icon-button" aria-label={label} title={label} onClick={run}>
    <Icon name={icon} />
  </button>
);
