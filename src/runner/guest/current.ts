/** The event whose handler runs now. Each call into the isolate concerns exactly one. */

let event = 0;

export function currentEvent(): number {
  return event;
}

export function setCurrentEvent(id: number): void {
  event = id;
}
