import { isIP } from "node:net";
import { z } from "zod";
import type { ResolvePath } from "../../../shared/config/report.ts";
import { CLASSES, RCODES, TYPES } from "../dns/dns-codes.ts";
import { httpField } from "./http-fields.ts";
import type {
  DnsModule,
  GrpcModule,
  IcmpModule,
  ProbeModule,
  QueryResponse,
  RecordChecks,
  TcpModule,
} from "./probe-config.ts";
import {
  goDuration,
  ipChoice,
  ipFields,
  LIST_MAX,
  pattern,
  patterns,
  text,
} from "./scalar-fields.ts";
import { tlsField } from "./tls-fields.ts";

/** What a packet of IPv4 can carry. */
const PAYLOAD_BYTES_MAX = 65_507;

const sourceAddress = z
  .string()
  .refine((given) => given === "" || isIP(given) !== 0, "not an IP address")
  .default("")
  .transform((given) => given || null);

const queryResponse = z
  .strictObject({
    expect: pattern.default(""),
    send: text.default(""),
    starttls: z.boolean().default(false),
  })
  .transform(({ expect, send, starttls }): QueryResponse => {
    return { expect, send, startTls: starttls };
  });

function tcpField(resolve: ResolvePath) {
  return z
    .strictObject({
      ...ipFields,
      source_ip_address: sourceAddress,
      query_response: z.array(queryResponse).max(LIST_MAX).default([]),
      tls: z.boolean().default(false),
      tls_config: tlsField(resolve),
    })
    .prefault({})
    .transform((raw): TcpModule => {
      return {
        ip: ipChoice(raw),
        sourceAddress: raw.source_ip_address,
        queryResponse: raw.query_response,
        usesTls: raw.tls,
        tls: raw.tls_config,
      };
    });
}

const recordChecks = z
  .strictObject({
    fail_if_matches_regexp: patterns,
    fail_if_all_match_regexp: patterns,
    fail_if_not_matches_regexp: patterns,
    fail_if_none_matches_regexp: patterns,
  })
  .prefault({})
  .transform((raw): RecordChecks => {
    return {
      failIfMatches: raw.fail_if_matches_regexp,
      failIfAllMatch: raw.fail_if_all_match_regexp,
      failIfNotMatches: raw.fail_if_not_matches_regexp,
      failIfNoneMatches: raw.fail_if_none_matches_regexp,
    };
  });

/** One of the names, as its number. */
function code(names: ReadonlyMap<string, number>, byDefault: string) {
  return z
    .string()
    .max(32)
    .transform((given, context) => {
      const found = names.get(given === "" ? byDefault : given);
      if (found !== undefined) return found;
      const message = `must be one of ${[...names.keys()].join(", ")}`;
      context.addIssue({ code: "custom", message });
      return z.NEVER;
    });
}

function dnsField(resolve: ResolvePath) {
  return z
    .strictObject({
      ...ipFields,
      source_ip_address: sourceAddress,
      transport_protocol: z.enum(["", "udp", "tcp"], { error: "must be udp or tcp" }).optional(),
      dns_over_tls: z.boolean().default(false),
      tls_config: tlsField(resolve),
      query_name: z.string().min(1, "must be set").max(255),
      query_type: code(TYPES, "ANY").prefault(""),
      query_class: code(CLASSES, "IN").prefault(""),
      recursion_desired: z.boolean().default(true),
      valid_rcodes: z.array(code(RCODES, "")).max(LIST_MAX).optional(),
      validate_answer_rrs: recordChecks,
      validate_authority_rrs: recordChecks,
      validate_additional_rrs: recordChecks,
    })
    .refine((raw) => !raw.dns_over_tls || raw.transport_protocol === "tcp", {
      path: ["dns_over_tls"],
      message: `needs "transport_protocol: tcp"`,
    })
    .transform((raw): DnsModule => {
      return {
        ip: ipChoice(raw),
        sourceAddress: raw.source_ip_address,
        transport: raw.transport_protocol || "udp",
        usesTls: raw.dns_over_tls,
        tls: raw.tls_config,
        queryName: raw.query_name,
        queryType: raw.query_type,
        queryClass: raw.query_class,
        recursionDesired: raw.recursion_desired,
        validRcodes: raw.valid_rcodes ?? [0],
        answer: raw.validate_answer_rrs,
        authority: raw.validate_authority_rrs,
        additional: raw.validate_additional_rrs,
      };
    });
}

const icmpField = z
  .strictObject({
    ...ipFields,
    source_ip_address: sourceAddress,
    payload_size: z.number().int().min(0).max(PAYLOAD_BYTES_MAX).default(0),
    dont_fragment: z.boolean().default(false),
    ttl: z.number().int().min(0).max(255).default(0),
  })
  .prefault({})
  .transform((raw): IcmpModule => {
    return {
      ip: ipChoice(raw),
      sourceAddress: raw.source_ip_address,
      payloadBytes: raw.payload_size,
      dontFragment: raw.dont_fragment,
      ttl: raw.ttl,
    };
  });

function grpcField(resolve: ResolvePath) {
  return z
    .strictObject({
      ...ipFields,
      service: z.string().max(256).default(""),
      tls: z.boolean().default(false),
      tls_config: tlsField(resolve),
    })
    .prefault({})
    .transform((raw): GrpcModule => {
      return {
        ip: ipChoice(raw),
        service: raw.service,
        usesTls: raw.tls,
        tls: raw.tls_config,
      };
    });
}

/** A module as blackbox_exporter 0.23 has it. Sections of other probers than its own are checked, too. */
export function moduleSchema(resolve: ResolvePath) {
  return z
    .strictObject({
      prober: z.enum(["http", "tcp", "dns", "icmp", "grpc"], {
        error: "must be http, tcp, dns, icmp or grpc",
      }),
      timeout: goDuration.nullish(),
      http: httpField(resolve),
      tcp: tcpField(resolve),
      dns: dnsField(resolve).optional(),
      icmp: icmpField,
      grpc: grpcField(resolve),
    })
    .transform((raw, context): ProbeModule => {
      const { http, tcp, dns, icmp, grpc } = raw;
      const timeoutMs = raw.timeout ?? null;
      switch (raw.prober) {
        case "http":
          return { prober: "http", timeoutMs, http };
        case "tcp":
          return { prober: "tcp", timeoutMs, tcp };
        case "icmp":
          return { prober: "icmp", timeoutMs, icmp };
        case "grpc":
          return { prober: "grpc", timeoutMs, grpc };
        case "dns":
          if (dns !== undefined) return { prober: "dns", timeoutMs, dns };
          context.addIssue({ code: "custom", path: ["dns"], message: "query_name must be set" });
          return z.NEVER;
      }
    });
}
