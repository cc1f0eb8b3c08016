import type { ScrapeHttp } from "../config/scrape-config.ts";

/** No secrets, no proxy, no redirects, and the authorities that are trusted anyway. */
export const PLAIN_HTTP: ScrapeHttp = {
  basicAuth: null,
  authorization: null,
  tls: {
    ca: null,
    caFile: null,
    cert: null,
    certFile: null,
    key: null,
    keyFile: null,
    serverName: null,
    skipsVerification: false,
    minVersion: null,
    maxVersion: null,
  },
  proxyUrl: null,
  noProxy: "",
  proxyFromEnvironment: false,
  proxyHeaders: {},
  followRedirects: false,
  headers: {},
};
