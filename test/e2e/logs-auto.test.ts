import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { ContainerBed, whyNoContainers } from "../support/container-bed.ts";
import { JournalBed, whyNoJournal } from "../support/journal-bed.ts";
import { linesOf } from "../support/log-lines.ts";
import { Bed, eventually } from "../support/programs.ts";

const why = whyNoContainers() ?? whyNoJournal();
const LINES = 2000;
const KILLS = 3;
const all = Array.from({ length: LINES }, (_, n) => `line ${n}`);
const COUNT = `i=0; while [ $i -lt ${LINES} ]; do echo "line $i"; i=$((i+1));
  case $i in *00) sleep 0.4;; esac; done; sleep 1000`;

describe.skipIf(why !== null)(`logs: auto${why === null ? "" : ` (skipped: ${why})`}`, () => {
  test("containers and the journal are read with no further word, each line once over kills", async () => {
    await using journal = await JournalBed.open();
    await using containers = await ContainerBed.open(journal);
    await using bed = await Bed.open();
    const config = `--config=${bed.write("agent.yaml", "logs: auto\n")}`;
    const start = () => bed.start("agent", [config, `--host-root=${containers.hostRoot}`]);
    await bed.startReadyAggregator();
    let agent = start();
    await bed.untilUp();
    await delay(3000);
    const label = "--label=com.docker.compose.service=shop";
    await containers.run("tt-json", COUNT, ["--network=none", label]);
    const printed = journal.run("sh", [
      "-c",
      `(${COUNT.replace("; sleep 1000", "")}) | systemd-cat -t app`,
    ]);
    for (let n = 0; n < KILLS; n += 1) {
      await delay(2000);
      await agent.kill();
      agent = start();
    }
    await printed;
    for (const query of [
      '{service="shop", stream="stdout"}',
      '{job="journal", identifier="app"}',
    ]) {
      let lines: string[] = [];
      const isComplete = async () => {
        lines = await linesOf(bed, query);
        return lines.length >= LINES;
      };
      await eventually(isComplete).catch(() => {}); // what is missing tells more than that it is
      expect({ query, lines }).toEqual({ query, lines: all });
    }
    expect(
      (await bed.agentPage()).match(/^telltale_agent_log_journal_entries_total [1-9]/m),
    ).not.toBe(null);
  });
});
