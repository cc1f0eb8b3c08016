/**
 * The metrics of a probe: names and labels are those of blackbox_exporter 0.23, and so a rule or a
 * dashboard that is written for it works. `probe_ssl_first_hop_*` are our own.
 */
export const HELP = {
  probe_success: "Whether the probe succeeded: 1, or 0 when it failed.",
  probe_duration_seconds: "How long the probe took.",
  probe_dns_lookup_time_seconds: "How long it took to look up the address of the target.",
  probe_ip_protocol: "The IP protocol of the probe: 4 or 6; 0 when no address was found.",
  probe_ip_addr_hash: "A hash of the target's IP address, which shows that it has changed.",
  probe_failed_due_to_regex: "Whether the probe failed by a regular expression.",
  probe_http_content_length: "Content-Length of the answer; -1 when it has none.",
  probe_http_duration_seconds: "Time that the request took, by phase, of all redirects together.",
  probe_http_last_modified_timestamp_seconds: "Last-Modified of the answer, as Unix time.",
  probe_http_redirects: "Redirects that the server answered with.",
  probe_http_ssl: "Whether the last answer came by TLS.",
  probe_http_status_code: "Status of the answer; 0 when there was none.",
  probe_http_uncompressed_body_length: "Bytes of the body, unpacked.",
  probe_http_version: "Version of HTTP of the answer; 0 when there was none.",
  probe_ssl_earliest_cert_expiry: "When the first certificate that the server sent expires.",
  probe_ssl_last_chain_expiry_timestamp_seconds:
    "When the chain of certificates up to the authority expires; of the year 1 when none was verified.",
  probe_ssl_last_chain_info: "Of the server's own certificate.",
  probe_ssl_first_hop_earliest_cert_expiry:
    "As probe_ssl_earliest_cert_expiry, of the server that redirected the probe first.",
  probe_ssl_first_hop_chain_expiry_timestamp_seconds:
    "As probe_ssl_last_chain_expiry_timestamp_seconds, of the server that redirected the probe first.",
  probe_ssl_first_hop_chain_info:
    "As probe_ssl_last_chain_info, of the server that redirected the probe first.",
  probe_tls_version_info: "The version of TLS.",
  probe_dns_additional_rrs: "Records in the additional section of the answer.",
  probe_dns_answer_rrs: "Records in the answer section.",
  probe_dns_authority_rrs: "Records in the authority section of the answer.",
  probe_dns_duration_seconds: "Time that the query took, by phase.",
  probe_dns_query_succeeded: "Whether the server answered the query at all.",
  probe_dns_serial: "Serial number of the zone.",
  probe_icmp_duration_seconds: "Time that the echo took, by phase.",
  probe_icmp_reply_hop_limit: "Hop limit of the reply, for IPv4 its TTL.",
  probe_grpc_duration_seconds: "Time that the health check took, by phase.",
  probe_grpc_healthcheck_response: "Which of the health states the server is in.",
  probe_grpc_ssl: "Whether the answer came by TLS.",
  probe_grpc_status_code: "Status of gRPC.",
} as const;

export type ProbeMetric = keyof typeof HELP;
