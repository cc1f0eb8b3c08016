import { describe, expect, test } from "vitest";
import { Inventory, osLabels } from "../../../agent/collect/inventory.ts";
import { RecordingSink } from "./recording-sink.ts";

describe("inventory", () => {
  test("a tick sets what the last refresh found; a failed refresh changes nothing", async () => {
    const sink = new RecordingSink();
    let version = "12";
    let isBroken = false;
    const inventory = new Inventory(sink, () =>
      isBroken
        ? Promise.reject(new Error("no lscpu"))
        : Promise.resolve([{ version_id: version }, { bios_vendor: "x" }, {}]),
    );
    const tick = () => {
      sink.begin();
      inventory.collect();
      return [...sink.values().keys()];
    };
    expect(tick()).toEqual([]);
    await inventory.refresh();
    const found = [
      'node_os_info{job="node", version_id="12"}',
      'node_dmi_info{bios_vendor="x", job="node"}',
      'telltale_node_info{job="telltale-agent"}',
    ];
    expect(tick()).toEqual(found);
    isBroken = true;
    await expect(inventory.refresh()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(tick()).toEqual(found);
    isBroken = false;
    version = "13";
    await inventory.refresh();
    expect(tick()[0]).toBe('node_os_info{job="node", version_id="13"}');
    expect(sink.liveCount).toBe(3);
  });

  test("os-release: quotes are taken off, keys that are not labels left out", () => {
    const text =
      'NAME="Debian GNU/Linux"\nID=debian\nHOME_URL="https://x"\nVERSION_ID=\'12\'\nbad\n';
    expect(osLabels(text)).toEqual({ name: "Debian GNU/Linux", id: "debian", version_id: "12" });
  });
});
