import type { ChartPlan } from "../node/chart-plans.ts";

/** The charts of a service, in their order on the page; the first are of the shipped rules. */
export const SERVICE_CHARTS: readonly ChartPlan[] = [
  {
    title: "serviceChartRate",
    unit: "perSecond",
    lines: [
      { query: (of) => `max(service:requests:rate2m{${of}})`, label: (_, w) => w.serviceRate },
    ],
  },
  {
    title: "serviceChartErrors",
    unit: "share",
    lines: [
      { query: (of) => `max(service:errors:ratio2m{${of}})`, label: (_, w) => w.serviceErrors },
    ],
  },
  {
    title: "serviceChartLatency",
    unit: "seconds",
    lines: [
      {
        query: (of) => `max by (quantile) (service:latency_seconds:quantile2m{${of}})`,
        label: ({ quantile = "" }) => `P${Math.round(Number(quantile) * 1000) / 10}`,
      },
      {
        query: (of) => `max(service:latency_seconds:mean2m{${of}})`,
        label: (_, w) => w.serviceMean,
      },
    ],
  },
  {
    title: "serviceChartCpu",
    unit: "number",
    isOptional: true,
    lines: [
      {
        query: (of, window) =>
          `sum by (instance, name) (rate(container_cpu_usage_seconds_total{${of},image!=""}[${window}]))`,
        label: ({ instance = "", name = "" }) => `${name} ${instance}`,
      },
    ],
  },
  {
    title: "serviceChartMemory",
    unit: "bytes",
    isOptional: true,
    lines: [
      {
        query: (of) =>
          `sum by (instance, name) (container_memory_working_set_bytes{${of},image!=""})`,
        label: ({ instance = "", name = "" }) => `${name} ${instance}`,
      },
    ],
  },
];
