import { formatRfc3339 } from "../../shared/model/rfc3339.ts";
import type { ServiceList } from "./list-services.ts";

/** The data of GET /api/v1/services, as JSON text: the form of telltale services --output json. */
export function servicesText({ services, isTruncated }: ServiceList): string {
  return JSON.stringify({
    services: services.map(({ lastChange, alerts, ...figures }) => ({
      ...figures,
      lastChange: lastChange && {
        time: formatRfc3339(lastChange.timeMs),
        image: lastChange.image,
        previousImage: lastChange.previousImage,
      },
      alerts: alerts.map(({ activeAtMs, ...alert }) => ({
        ...alert,
        activeAt: formatRfc3339(activeAtMs),
      })),
    })),
    isTruncated,
  });
}
