import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { Bed, Hook } from "../support/programs.ts";
import {
  fires,
  isResolved,
  patiently,
  SERVICES_SHORTENED,
  startWithRules,
  told,
} from "../support/shipped-rules.ts";

/** The rules that are shipped: on what is scraped and probed, and on services. */

/** A service that counts fifty requests between two scrapes, and what a probe found. */
class Page implements AsyncDisposable {
  readonly #server: Server;
  isWell = true;
  #well = 0;
  #failed = 0;
  #slow = 0;

  private constructor() {
    this.#server = createServer((_request, response) => {
      this.#well += this.isWell ? 50 : 25;
      this.#failed += this.isWell ? 0 : 25;
      this.#slow += this.isWell ? 0 : 50;
      response.end(this.#text());
    });
  }

  static async open(): Promise<Page> {
    const page = new Page();
    page.#server.listen(0, "127.0.0.1");
    await once(page.#server, "listening");
    return page;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #text(): string {
    const all = this.#well + this.#failed;
    const name = "http_request_duration_seconds";
    return `probe_success ${this.isWell ? 1 : 0}
${name}_count{code="200"} ${this.#well}
${name}_count{code="500"} ${this.#failed}
${name}_bucket{le="0.1"} ${all - this.#slow}
${name}_bucket{le="2"} ${all}
${name}_bucket{le="+Inf"} ${all}
`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

test("a service that is not as usual, a probe that fails and a target that is down are told", async () => {
  await using hook = await Hook.open();
  await using bed = await Bed.open();
  await using page = await Page.open();
  const other = await Page.open();
  const config = bed.write(
    "agent.yaml",
    `scrape_configs:
  - job_name: shop
    scrape_interval: 1s
    static_configs:
      - { targets: ["${page.address}"], labels: { service: cart } }
      - { targets: ["${other.address}"] }
`,
  );
  bed.write("rules/services.yaml", SERVICES_SHORTENED);
  await startWithRules(bed, hook);
  bed.start("agent", [`--config=${config}`]);
  const usual = '{__name__=~"service:(errors|latency_seconds):usual1w",service="cart"}';
  await patiently(async () => (await bed.query(usual)).length === 2);
  const down = `TelltaleTargetDown ${other.address}`;
  page.isWell = false;
  await other[Symbol.asyncDispose]();
  const alerts = [
    "TelltaleServiceFailing cart",
    "TelltaleServiceSlow cart",
    `TelltaleProbeFailing ${page.address}`,
  ];
  for (const alert of [...alerts, down]) await fires(hook, alert);
  expect(told(hook, "firing").get("TelltaleServiceFailing cart")?.annotations["summary"]).toMatch(
    /^\d+(\.\d+)?% of the requests to cart fail$/,
  );
  page.isWell = true;
  for (const alert of alerts) await isResolved(hook, alert);
  expect(told(hook, "resolved").has(down)).toBe(false);
});
