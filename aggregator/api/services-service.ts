import type { Logger } from "../../shared/platform/ports.ts";
import type { Service } from "../../shared/wire/generated/telltale/v1/Service.ts";
import type { ServicesHandlers } from "../../shared/wire/generated/telltale/v1/Services.ts";
import { answer } from "../../shared/wire/grpc-answer.ts";
import { listServices } from "./list-services.ts";
import type { QueryApi } from "./query-api.ts";
import { queryStatus, runOptions } from "./query-service.ts";
import type { ServiceFigures } from "./service-figures.ts";

/** The gRPC service telltale.v1.Services. */
export function createServicesService(api: QueryApi, logger: Logger): ServicesHandlers {
  return {
    List: answer(
      async ({ name }, call) => {
        const options = runOptions(call, api.nowMs());
        const { services, isTruncated } = await listServices(api, name, options);
        return { services: services.map(serviceMessage), isTruncated };
      },
      logger,
      queryStatus,
    ),
  };
}

/** A figure that is not known is absent in the message. */
function serviceMessage(figures: ServiceFigures): Service {
  const known = Object.entries(figures).filter(([, value]) => value !== null);
  return Object.fromEntries(known);
}
