/** A service as `/api/v1/services` has it; see docs/applications.md. */
export type Service = {
  readonly name: string;
  readonly source: string;
  readonly requestsPerSecond: number | null;
  readonly errorRatio: number | null;
  readonly latencyP50Seconds: number | null;
  readonly latencyP95Seconds: number | null;
  readonly latencyP99Seconds: number | null;
  readonly latencyMeanSeconds: number | null;
  readonly cpuCores: number | null;
  readonly memoryBytes: number | null;
  readonly containers: number;
  readonly units: number;
  readonly targets: number;
  readonly targetsUp: number;
  readonly lastChange: {
    readonly time: string;
    readonly image: string;
    readonly previousImage: string;
  } | null;
  readonly alerts: readonly {
    readonly name: string;
    readonly severity: string;
    readonly summary: string;
    readonly activeAt: string;
  }[];
};

export type ServiceState = "alerting" | "down" | "good" | "unknown";

/** The worst that is known of it. */
export function stateOf(service: Service): ServiceState {
  if (service.alerts.length > 0) return "alerting";
  if (service.targetsUp < service.targets) return "down";
  const runs = service.containers + service.units + service.targetsUp;
  return runs > 0 || service.requestsPerSecond !== null ? "good" : "unknown";
}

const RANKS: readonly ServiceState[] = ["unknown", "good", "down", "alerting"];

/** The greater, the worse: its state, then the share of errors, then the latency. */
export function badness(service: Service): number {
  const latency = latencyOf(service) ?? 0;
  const small = Math.min(1, latency / 60) * 0.1;
  return RANKS.indexOf(stateOf(service)) * 10 + (service.errorRatio ?? 0) + small;
}

/** The 95th of a hundred, or the mean where that is all there is. */
export function latencyOf(service: Service): number | null {
  return service.latencyP95Seconds ?? service.latencyMeanSeconds;
}
