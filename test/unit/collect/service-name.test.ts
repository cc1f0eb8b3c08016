import { describe, expect, test } from "vitest";
import {
  containerService,
  unitService,
  unitServiceLabel,
} from "../../../agent/containers/service-name.ts";

const ID = "0123456789abcdef".repeat(4);
const COMPOSE = "com.docker.compose.service";

describe("the service of a container is", () => {
  test.each([
    ["what somebody wrote", { "telltale.service": "checkout", [COMPOSE]: "cart" }, "checkout"],
    ["its compose service", { [COMPOSE]: "cart", PODMAN_SYSTEMD_UNIT: "x.service" }, "cart"],
    ["that of podman-compose", { "io.podman.compose.service": "cart" }, "cart"],
    ["the unit that runs it", { PODMAN_SYSTEMD_UNIT: "cart.service" }, "cart"],
    ["its name, when labels are empty", { "telltale.service": " ", [COMPOSE]: "" }, "shop-cart-1"],
  ])("%s", (_, labels, service) => {
    expect(containerService({ id: ID, name: "shop-cart-1", labels })).toBe(service);
  });

  test("its short id where nothing else is known", () => {
    expect(containerService({ id: ID, name: "", labels: {} })).toBe(ID.slice(0, 12));
  });
});

test("of a unit it is the name without what says that it is a service", () => {
  expect(unitService("ssh.service")).toBe("ssh");
  expect(unitService("postgresql@15-main.service")).toBe("postgresql@15-main");
  expect(unitServiceLabel("ssh.service")).toEqual({ service: "ssh" });
  expect(unitServiceLabel("ssh.socket")).toEqual({});
});
