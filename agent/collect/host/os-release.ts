import { DOUBLE_SCALE } from "../../../shared/model/series-definition.ts";
import { type Collector, familiesOf, gauge } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { osLabels } from "../inventory.ts";
import { LabelledRows } from "./labelled-rows.ts";
import { readSmallFile } from "./small-file.ts";

const VERSION = gauge("node_os_version", "Version of the operating system.", DOUBLE_SCALE);
/** `12`, `22.04`, `9.3.1`: what Prometheus can hold of it is the first two parts. */
const NUMBER = /^\d{1,6}(?:\.\d{1,6})?/;

/** The version as a number, where it is one. */
export function osVersionCollector(context: CollectContext): Collector {
  const rows = new LabelledRows(context, [VERSION]);
  return {
    name: "os",
    families: familiesOf([VERSION]),
    collect: () => {
      const read = (path: string) => readSmallFile(hostPath(context, path));
      const labels = osLabels(read("/etc/os-release") ?? read("/usr/lib/os-release") ?? "");
      const version = NUMBER.exec(labels["version_id"] ?? "")?.[0];
      const { id = "", id_like = "", name = "" } = labels;
      rows.begin();
      if (version !== undefined) rows.of({ id, id_like, name }).set(0, Number(version));
      rows.end();
    },
    close: () => undefined,
  };
}
