/** What a service is called by. */
type Named = {
  readonly id: string;
  /** "": unknown. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
};

/** The first of these labels that a container has says which service it is of. */
const SERVICE_LABELS = [
  "telltale.service",
  "com.docker.compose.service",
  "io.podman.compose.service",
];
/** Podman's word for the unit that runs the container, as a quadlet does. */
const UNIT_LABEL = "PODMAN_SYSTEMD_UNIT";
const SHORT_ID = 12;

/** The label `service` of all that a container says or is measured by. */
export function containerService({ id, name, labels }: Named): string {
  for (const label of SERVICE_LABELS) {
    const service = labels[label]?.trim() ?? "";
    if (service !== "") return service;
  }
  return unitService(labels[UNIT_LABEL] ?? "") || name || id.slice(0, SHORT_ID);
}

/** The same of a unit. */
export function unitService(unit: string): string {
  return unit.replace(/\.service$/, "");
}

/** For the series of a unit; only what runs is a service, not a mount, a socket or a session. */
export function unitServiceLabel(unit: string): { readonly service?: string } {
  return unit.endsWith(".service") ? { service: unitService(unit) } : {};
}
