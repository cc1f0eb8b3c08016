import assert from "node:assert/strict";
import type { VectorSample } from "../../shared/model/columns.ts";
import { ApiError } from "./api-error.ts";
import type { QueryApi, RunOptions } from "./query-api.ts";
import {
  joinServices,
  SERVICE_QUERIES,
  type ServiceFigures,
  type ServiceSamples,
} from "./service-figures.ts";

export type ServiceList = {
  /** Sorted by name. */
  readonly services: readonly ServiceFigures[];
  readonly isTruncated: boolean;
};

/** Of an answer: more fit neither a screen nor a message. */
const SERVICES_MAX = 5000;

/**
 * What runs, as of now.
 * @param name of one service; "": all
 * @throws ApiError `not_found` for one that nothing is known of; what a query fails with
 */
export async function listServices(
  api: QueryApi,
  name: string,
  options: RunOptions,
): Promise<ServiceList> {
  const timeMs = api.nowMs();
  const samples: Partial<Record<keyof ServiceSamples, readonly VectorSample[]>> = {};
  // One after another: a list of services is one of many that ask, and takes one of their places.
  for (const [kind, query] of Object.entries(SERVICE_QUERIES)) {
    const result = await api.instant({ query, timeMs }, options);
    assert(result.type === "vector", `${kind} is a vector`);
    samples[kind as keyof ServiceSamples] = result.samples;
  }
  const all = joinServices(samples as ServiceSamples, api.alerts());
  const services = name === "" ? all : all.filter((one) => one.name === name);
  if (name !== "" && services.length === 0) {
    throw new ApiError("not_found", `nothing is known of a service "${name.slice(0, 200)}"`);
  }
  return {
    services: services.slice(0, SERVICES_MAX),
    isTruncated: services.length > SERVICES_MAX,
  };
}
