/** The file of a topology of world-atlas for the map. */
export function landFile(topology: unknown): Uint8Array;
