import { strict as assert } from "node:assert";
import type { Address } from "../../../shared/model/address.ts";
import type { Clock, Logger } from "../../../shared/platform/ports.ts";
import type { Counter, Gauge, Metrics } from "../../../shared/telemetry/metrics.ts";
import { sleepUnlessAborted } from "../../../shared/time/repeat.ts";
import type { GroupSink } from "../../model/group-sink.ts";
import type { Sender } from "../pushed-sender.ts";
import { PushedSeries } from "../pushed-series.ts";
import { Accumulation } from "./accumulation.ts";
import { StatsdReader } from "./statsd-reader.ts";

/** A socket that never waits. */
export type DatagramSource = {
  readonly kind: "udp" | "unix";
  readonly door: string;
  readonly receiveBufferBytes: number;
  /** Hands over some of what has come; returns how many. The bytes are valid until `take` returns. */
  receive(take: (datagram: Buffer, isCut: boolean) => void): number;
  /** Datagrams that the kernel had no room for. */
  lost(): number;
};

export type DatagramSources = AsyncDisposable & {
  readonly sockets: readonly DatagramSource[];
  /** Resolves when a datagram is there, or the sockets are closed. */
  readable(): Promise<void>;
};

/** @throws OperationalError IN_USE, UNAVAILABLE */
export type OpenDatagrams = (
  doors: readonly (Address | string)[],
  receiveBufferBytes: number,
) => Promise<DatagramSources>;

export type StatsdOptions = {
  readonly udp: Address | null;
  /** Path of a socket to be made. */
  readonly unix: string | null;
  /** Bytes, of each socket. */
  readonly receive_buffer: number;
  readonly series_max: number;
  readonly timer_buckets: readonly number[];
  readonly histogram_buckets: readonly number[];
};

export type StatsdDeps = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

const SENDER = "statsd";
/** Of UDP after each look: who looks at every datagram as it comes pays five times as much for it. */
const REST_MS_MAX = 10;
/** So long the buffer has to last at the fastest that is foreseen, half full. */
const REST_MS_PER_BYTE = 1 / 150_000;
/** At one look, so that a flood does not keep the rest of the agent waiting. */
const DATAGRAMS_AT_ONCE = 4096;
const WARN_EVERY_MS = 60_000;

/** Listens for StatsD's datagrams, and gives each tick what they have added up to. */
export class Statsd {
  readonly #options: StatsdOptions;
  readonly #deps: StatsdDeps;
  readonly #counters: Counters;
  /** Datagrams since the last tick, by kind of socket. */
  readonly #datagrams = { udp: 0, unix: 0 };
  readonly #pushed: PushedSeries;
  readonly #accumulation: Accumulation;
  readonly #reader: StatsdReader;
  #sockets: readonly DatagramSource[] = [];
  readonly #lostBefore = new Map<DatagramSource, number>();
  #warnedAtMs = Number.NEGATIVE_INFINITY;
  #unsaid = 0;

  constructor(options: StatsdOptions, sink: GroupSink, deps: StatsdDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#counters = countersOf(deps.metrics);
    const limits = { senders: 1, series: options.series_max };
    this.#pushed = new PushedSeries("statsd", sink, limits, deps);
    const table = {
      series: (...args: Parameters<Sender["series"]>) => this.#sender().series(...args),
      seriesCount: () => this.#sender().seriesCount,
    };
    this.#accumulation = new Accumulation(table, {
      timerBuckets: options.timer_buckets,
      histogramBuckets: options.histogram_buckets,
      seriesMax: options.series_max,
    });
    this.#reader = new StatsdReader(this.#accumulation, () => deps.clock.monotonicMs());
  }

  /** From now on all series go there; what they have added up to stays. */
  useSink(sink: GroupSink): void {
    this.#pushed.useSink(sink);
  }

  /**
   * Opens the sockets and listens, until disposed. To be called once.
   * @throws OperationalError IN_USE, UNAVAILABLE
   */
  async listen(openDatagrams: OpenDatagrams): Promise<AsyncDisposable> {
    const { udp, unix, receive_buffer: wanted } = this.#options;
    const doors = [udp, unix].filter((door) => door !== null);
    const sources = await openDatagrams(doors, wanted);
    for (const { kind, door, receiveBufferBytes } of sources.sockets) {
      const fields = { socket: kind, door, receiveBufferBytes, wanted };
      this.#deps.logger.info(fields, "listening for StatsD");
      this.#counters.buffer.set(receiveBufferBytes, { socket: kind });
      if (receiveBufferBytes >= wanted || kind === "unix") continue;
      this.#deps.logger.warn(fields, "the receive buffer is cut: raise net.core.rmem_max");
    }
    this.#sockets = sources.sockets;
    const stop = new AbortController();
    const running = this.#run(sources, stop.signal);
    return {
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        await sources[Symbol.asyncDispose]();
        await running;
      },
    };
  }

  /** To be called before a tick's frame is made, with its time. */
  tick(timeMs: number): void {
    const atMs = this.#deps.clock.monotonicMs();
    this.#sender().take(this.#accumulation.read(timeMs, atMs));
    this.#pushed.tick(timeMs);
    this.#report(atMs);
  }

  async #run(sources: DatagramSources, signal: AbortSignal): Promise<void> {
    for (;;) {
      await sources.readable();
      if (signal.aborted) return;
      const restMs = this.#receive(sources.sockets);
      if (restMs > 0) await sleepUnlessAborted(this.#deps.clock, restMs, signal);
    }
  }

  /** Takes what is there; returns how long to wait before the next look. */
  #receive(sockets: readonly DatagramSource[]): number {
    let restMs = REST_MS_MAX;
    for (const socket of sockets) {
      const take = (datagram: Buffer, isCut: boolean) => {
        if (isCut) this.#reader.refuse("too_long");
        else this.#reader.read(datagram);
      };
      let count = 0;
      for (let got = -1; got !== 0 && count < DATAGRAMS_AT_ONCE; count += got) {
        got = socket.receive(take);
      }
      this.#datagrams[socket.kind] += count;
      // Who sends to a Unix socket waits: the kernel keeps only ten datagrams in it.
      if (count >= DATAGRAMS_AT_ONCE || (socket.kind === "unix" && count > 0)) restMs = 0;
      else restMs = Math.min(restMs, Math.floor(socket.receiveBufferBytes * REST_MS_PER_BYTE));
    }
    return restMs;
  }

  /** Asked anew each time: who has no series for a while is forgotten. */
  #sender(): Sender {
    const sender = this.#pushed.sender(SENDER);
    assert(sender !== null);
    return sender;
  }

  #report(atMs: number): void {
    const { datagrams, samples, refused, others } = this.#counters;
    samples.add(this.#reader.taken);
    this.#reader.taken = 0;
    for (const [reason, count] of this.#reader.refused) refused.add(count, { reason });
    this.#reader.refused.clear();
    for (const type of ["event", "service_check"] as const) {
      others.add(this.#reader.others[type], { type });
      this.#reader.others[type] = 0;
    }
    for (const socket of this.#sockets) {
      datagrams.add(this.#datagrams[socket.kind], { socket: socket.kind });
      this.#datagrams[socket.kind] = 0;
      this.#countLost(socket, atMs);
    }
  }

  #countLost(socket: DatagramSource, atMs: number): void {
    const total = socket.lost();
    const lost = total - (this.#lostBefore.get(socket) ?? 0);
    this.#lostBefore.set(socket, total);
    this.#counters.lost.add(lost, { socket: socket.kind });
    this.#unsaid += lost;
    if (this.#unsaid === 0 || atMs - this.#warnedAtMs < WARN_EVERY_MS) return;
    const { door, receiveBufferBytes } = socket;
    const fields = { door, lost: this.#unsaid, receiveBufferBytes };
    this.#deps.logger.warn(fields, "datagrams were lost: the receive buffer was full");
    this.#unsaid = 0;
    this.#warnedAtMs = atMs;
  }
}

type Counters = Record<"datagrams" | "lost" | "samples" | "refused" | "others", Counter> & {
  readonly buffer: Gauge;
};

function countersOf(metrics: Metrics): Counters {
  return {
    datagrams: metrics.counter(
      "telltale_agent_statsd_datagrams_total",
      "Datagrams that were taken from a socket of StatsD.",
    ),
    lost: metrics.counter(
      "telltale_agent_statsd_datagrams_lost_total",
      "Datagrams that the kernel dropped because the socket's receive buffer was full.",
    ),
    samples: metrics.counter(
      "telltale_agent_statsd_samples_total",
      "Values of StatsD that were taken.",
    ),
    refused: metrics.counter(
      "telltale_agent_statsd_refused_total",
      "Lines and values of StatsD that were not taken, by reason.",
    ),
    others: metrics.counter(
      "telltale_agent_statsd_other_total",
      "Events and service checks of DogStatsD, which are not taken.",
    ),
    buffer: metrics.gauge(
      "telltale_agent_statsd_receive_buffer_bytes",
      "What the kernel lets wait in a socket of StatsD.",
    ),
  };
}
