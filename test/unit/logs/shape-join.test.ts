import { RE2JS } from "re2js";
import { describe, expect, test } from "vitest";
import { newShapeCounts } from "../../../agent/logs/shape/shape-counts.ts";
import { JOIN_DEFAULTS } from "../../../agent/logs/shape/shape-options.ts";
import { texts } from "../../support/shaped.ts";

const LOG = "2026-11-30 03:12:45,123 INFO  [main] c.e.Shop - order 7 taken";
const FAIL = "2026-11-30 03:12:45,124 ERROR [main] c.e.Shop - order 8 failed";

/** Each element is one entry of the log; the file is all of them, and the same once more. */
function expectEntries(entries: readonly string[]): void {
  const twice = [...entries, ...entries];
  expect(texts([twice.map((entry) => `${entry}\n`).join("")])).toEqual(twice);
}

describe("joined are stack traces of", () => {
  test("Java, with its causes, below the line that a logger wrote", () => {
    const trace = `${FAIL}
java.lang.IllegalStateException: pool is closed
\tat com.example.Pool.acquire(Pool.java:41) ~[shop.jar:1.2]
\tat com.example.Shop$Order.lambda$take$0(Shop.java:120)
\tat java.base/java.lang.Thread.run(Thread.java:1583)
\tSuppressed: java.io.IOException: cannot close
\t\tat com.example.Pool.close(Pool.java:60)
\t\t... 3 more
Caused by: java.net.SocketException: Connection reset
\tat java.base/sun.nio.ch.SocketChannelImpl.read(SocketChannelImpl.java:401)
\t... 12 common frames omitted`;
    expectEntries([LOG, trace, LOG, trace]);
  });

  test("Java, uncaught, with a message of several lines", () => {
    expectEntries([
      LOG,
      `Exception in thread "main" org.example.BadConfig$ParseException: cannot read
line 3: unexpected key

line 7: missing value
\tat org.example.Main.main(Main.java:9)
Caused by: java.lang.NullPointerException
\tat org.example.Main.read(Main.java:30)
\t... 1 more`,
      LOG,
    ]);
  });

  test("Python, chained and of a group", () => {
    expectEntries([
      `ERROR:root:job failed
Traceback (most recent call last):
  File "/srv/job.py", line 12, in run
    return self.step(item)
           ^^^^^^^^^^^^^^^
  File "/srv/job.py", line 30, in step
    raise KeyError(item)
KeyError: 'a7'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/job.py", line 40, in main
    run()
  [Previous line repeated 3 more times]
app.errors.JobError: no such item`,
      "INFO:root:next job",
      `Traceback (most recent call last):
  File "<stdin>", line 1, in <module>
ZeroDivisionError: division by zero`,
      "done",
      `  + Exception Group Traceback (most recent call last):
  |   File "/srv/a.py", line 3, in <module>
  |     raise ExceptionGroup("two", errors)
  | ExceptionGroup: two (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: one
    +------------------------------------`,
      "",
      "after a blank line",
    ]);
  });

  test("Go: panics, fatal errors, and what zap and net/http write", () => {
    expectEntries([
      LOG,
      `panic: runtime error: index out of range [5] with length 3 [recovered]
\tpanic: again

goroutine 1 [running]:
main.(*Server).handle(0xc0000b2000, {0xc00001c0a8, 0x5})
\t/srv/app/server.go:88 +0x1d
main.main()
\t/srv/app/main.go:9 +0x2f

goroutine 18 [chan receive, 2 minutes]:
created by main.main in goroutine 1
\t/srv/app/main.go:7 +0x1a
exit status 2`,
      `fatal error: all goroutines are asleep - deadlock!

goroutine 1 [chan receive]:
main.main()
\t/tmp/x.go:5 +0x28`,
      `2026/11/30 03:12:45 http: panic serving 127.0.0.1:51234: boom
goroutine 7 [running]:
net/http.(*conn).serve.func1()
\t/usr/lib/go/src/net/http/server.go:1868 +0xb9`,
      `2026-11-30T03:12:45.123Z\tERROR\tshop/order.go:12\tnot taken\t{"id": 8}
example.com/shop.(*Order).take
\t/srv/shop/order.go:12
main.main
\t/srv/shop/main.go:40`,
      "2026-11-30T03:12:46.123Z\tINFO\tshop/order.go:12\ttaken",
    ]);
  });

  test("Node", () => {
    expectEntries([
      `/srv/app/index.js:3
  throw new TypeError("no handler");
  ^

TypeError: no handler
    at Object.<anonymous> (/srv/app/index.js:3:9)
    at Module._compile (node:internal/modules/cjs/loader:1358:14)
    at async Promise.all (index 0)
    at node:internal/main/run_main_module:28:49 {
  code: 'E_HANDLER',
  [cause]: Error: inner
      at inner (/srv/app/index.js:1:1)
}

Node.js v20.20.2`,
      `Error: connect ECONNREFUSED 127.0.0.1:5432
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)`,
      "listening on 3000",
      `error: request failed {"id":7}
    at /srv/app/routes.js:7:11`,
    ]);
  });

  test(".NET", () => {
    expectEntries([
      `Unhandled exception. System.InvalidOperationException: order failed
 ---> System.ArgumentException: bad id (Parameter 'id')
   at Shop.Order.Find(Int32 id) in /src/Order.cs:line 17
   --- End of inner exception stack trace ---
   at Shop.Program.Main(String[] args)`,
      `fail: Microsoft.AspNetCore.Server.Kestrel[13]
      Connection id "0HN7", Request id "0HN7:1": An unhandled exception was thrown.
      System.NullReferenceException: Object reference not set
         at Shop.Api.Get() in /src/Api.cs:line 9`,
      `info: Microsoft.Hosting.Lifetime[14]
      Now listening on: http://localhost:5000`,
    ]);
  });

  test("Ruby", () => {
    expectEntries([
      `/srv/app.rb:3:in \`take': undefined method \`id' for nil (NoMethodError)
\tfrom /srv/app.rb:7:in \`<main>'`,
      LOG,
      `E, [2026-11-30T03:12:45.123456 #71] ERROR -- : order failed (RuntimeError)
/srv/app.rb:3:in 'Order#take'
/srv/app.rb:7:in '<main>'`,
      "I, [2026-11-30T03:12:46.123456 #71]  INFO -- : next",
    ]);
  });

  test("PHP", () => {
    expectEntries([
      `PHP Fatal error:  Uncaught RuntimeException: no order in /srv/index.php:3
Stack trace:
#0 /srv/index.php(7): take(8)
#1 {main}
  thrown in /srv/index.php on line 3`,
      `[2026-11-30 03:12:45] production.ERROR: no order {"exception":"[object] (RuntimeException(code: 0): no order at /srv/a.php:3)
[stacktrace]
#0 /srv/b.php(7): take(8)
#1 {main}
"} `,
      "[2026-11-30 03:12:46] production.INFO: ok",
    ]);
  });

  test("Rust", () => {
    expectEntries([
      `thread 'main' panicked at src/main.rs:2:5:
no order
stack backtrace:
   0: rust_begin_unwind
             at /rustc/9fc6b431/library/std/src/panicking.rs:652:5
   1: shop::take
             at ./src/main.rs:2:5
note: Some details are omitted, run with \`RUST_BACKTRACE=full\` for a verbose backtrace.`,
      LOG,
      `Error: cannot take order

Caused by:
    0: cannot open
    1: No such file or directory (os error 2)

Stack backtrace:
   0: shop::main
             at ./src/main.rs:9:1`,
      LOG,
    ]);
  });
});

describe("joined by indentation", () => {
  test.each([
    `${LOG}\n    id: 7\n    items: 3\n\tnote: none`,
    "Nov 30 03:12:45 web1 app[7]: settings\n  a=1",
    "[30/Nov/2026:03:12:45 +0000] request\n  header: x",
    "E1130 03:12:45.123456    7 order.go:12] failed\n  detail",
    "1764472365.123 started\n  with 3 workers",
    "WARNING: config\n  has no effect",
    "2026-11-30 03:12:45.123 UTC [71] ERROR:  syntax error\n\tSELECT 1\n\tFROM",
  ])("%s", (entry) => {
    expectEntries([entry, LOG]);
  });
});

describe("left as they are", () => {
  test.each<[string, string]>([
    ["YAML", "server:\n  port: 80\n  tls:\n    - a\n    - b"],
    ["JSON over several lines", '{\n  "a": 1,\n  "b": {\n    "c": 2\n  }\n}'],
    ["a table", " id | name\n----+------\n  1 | a\n  2 | b\n(2 rows)"],
    ["a tree", "src\n├── a\n│   └── b\n    c"],
    ["a diff", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n c"],
    ["access logs", '10.0.0.1 - - [30/Nov/2026:03:12:45 +0000] "GET / HTTP/1.1" 200 7\n'.repeat(3)],
    ["lines of JSON", '{"level":"error","msg":"Error: x"}\n'.repeat(3)],
    ["errors one after the other", "Error: a\nError: b\nValueError: c\njava.io.IOException: d\nx"],
    ["prose", "Caused by nobody\n  at least it seems\nTraceback is a word\nat the end"],
    ["a banner", "  ____\n / ___|\n \\___ \\\n  ___) |"],
    ["a log line and what another program wrote", `${LOG}\nTraceback is empty\njava.lang.Foo`],
    ["an information and an exception", `${LOG}\njava.lang.IllegalStateException: x`],
    ["blank lines", `${FAIL}\n\n\n${FAIL}`],
    ["usage", "usage: tool [-h]\n\noptions:\n  -h  help\n  -v  version"],
  ])("%s", (_, text) => {
    expect(texts([text])).toEqual(text.replace(/\n$/, "").split("\n"));
  });
});

test("an entry has a limit of lines and bytes; what follows begins another one", () => {
  const frames = (count: number) =>
    Array.from({ length: count }, (_, i) => `\tat a.B.c(B.java:${1000 + i})`);
  const trace = ["java.lang.Error: x", ...frames(25)];
  const join = { ...JOIN_DEFAULTS, linesMax: 10 };
  const entries = texts([trace.join("\n")], { options: { join } });
  expect(entries.map((entry) => entry.split("\n").length)).toEqual([10, 10, 6]);
  expect(entries.join("\n")).toBe(trace.join("\n"));
  const small = texts([trace.join("\n")], { options: { join: { ...join, bytesMax: 100 } } });
  for (const entry of small) expect(entry.length).toBeLessThanOrEqual(100);
  expect(small.join("\n")).toBe(trace.join("\n"));
});

test("a user's pattern says what begins an entry", () => {
  const join = { ...JOIN_DEFAULTS, firstLine: RE2JS.compile("^(BEGIN|€)") };
  const counts = newShapeCounts();
  const file = "x\nBEGIN a\nb\n  c\n\nBEGIN d\n€\ne";
  expect(texts([file], { options: { join }, counts })).toEqual([
    "x",
    "BEGIN a\nb\n  c\n",
    "BEGIN d",
    "€\ne",
  ]);
  expect(counts.linesJoined).toBe(4);
});

test("without joining every line is an entry", () => {
  const text = `${FAIL}\njava.lang.Error: x\n\tat a.b(C.java:1)`;
  for (const isMasked of [true, false]) {
    expect(texts([text], { options: { join: null }, isMasked })).toEqual(text.split("\n"));
  }
});
