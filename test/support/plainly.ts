import { credentials } from "@grpc/grpc-js";

/** As agents speak to an aggregator on their own machine: neither encrypted nor authenticated. */
export const plainly = () => ({ credentials: credentials.createInsecure(), options: {} });
