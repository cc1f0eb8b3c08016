/**
 * What belongs to one entry of a log, decided line by line and by the entry's own lines only, so that
 * a reader that begins at any entry decides the same. Texts are the beginning of a line, one character
 * a byte.
 *
 * Joined are: stack traces of Java, Kotlin, Scala, Python, Go, JavaScript, .NET, Ruby, PHP and Rust, and
 * lines that are indented under a line which begins as log lines do, with a time or a level. Indented
 * text elsewhere (YAML, tables, JSON over several lines) is left as it is.
 */

/** Beyond it nothing that these patterns look for begins. */
export const JOIN_TEXT_BYTES_MAX = 1024;

type Block =
  | "line" // nothing known but its first line
  | "exception" // Java, JavaScript, .NET: the class and message of one
  | "frames"
  | "python"
  | "python-end" // the exception was named
  | "python-chain" // "During handling …" was said
  | "go" // panic: …
  | "goroutine"
  | "go-lines" // zap: a function, then its file
  | "rust"
  | "rust-message"
  | "error" // anyhow: `Error: …`, then `Caused by:`
  | "php"
  | "ruby"
  | "source"; // node: the place and text of the line that threw

export type JoinState = {
  readonly block: Block;
  /** The first line begins as log lines do. */
  readonly isLogLine: boolean;
  /** It says that something failed. */
  readonly isError: boolean;
  /** Nothing was joined yet. */
  readonly isAlone: boolean;
};

/** `waits`: joins if a later line does, otherwise begins an entry of its own. */
type Verdict = "joins" | "waits" | "ends";
export type Step = { readonly verdict: Verdict; readonly state: JoinState };

const TIME =
  /^[^\sA-Za-z0-9]?(?:\d{4}[-/.]\d\d[-/.]\d\d|\d\d[-/](?:\d\d|[A-Z][a-z]{2})[-/]\d{2,4}|\d\d:\d\d:\d\d|[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d|(?:[A-Z][a-z]{2} ){2} ?\d{1,2} \d\d:\d\d|1\d{9}(?:\d{3})?\b)/;
const LEVEL =
  /^(?:<\d{1,3}>)?(?:\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRIT|CRITICAL|SEVERE|ALERT|EMERG)\b|\[?(?:trace|debug|info|notice|warn|warning|error|fatal|critical|trce|dbug|fail|crit)(?:\]|:)|[IWEFD]\d{4} \d\d:\d\d|[DIWEF], \[)/;
const FAILED =
  /\b(?:error|err|warn|warning|fatal|crit|critical|severe|alert|emerg|fail|failed|failure|panic|exception|traceback|unhandled|uncaught)\b|Exception|Error|^[EF]\d{4} /i;

const EXCEPTION =
  /^(?:Exception in thread "[^"]{0,200}" |Uncaught |Unhandled [Ee]xception[.:] )?(?:[A-Za-z_$][\w$-]{0,100}[./])*(?:[A-Za-z_$][\w$]{0,100}?)?(?:Exception|Error|Throwable|Failure)(?: \[\w{1,60}\])?(?::|$| \{|\()/;
const QUALIFIED =
  /^(?:[a-z_$][\w$-]{0,100}[./])+(?:[A-Za-z_$][\w$]{0,100}?)?(?:Exception|Error|Throwable)(?::|$)/;
const FRAME = /^\s+at \S/;
const MORE = /^\s+\.\.\. \d+ (?:more|common frames|lines matching|additional)/;
const NESTED = /^\s+(?:Suppressed|Caused by|\[CIRCULAR REFERENCE)[: ]|^\s*---+> |^\s+--- End of /;
const CAUSED = /^Caused by: /;
const TRACEBACK = /^\s*(?:\+ Exception Group )?Traceback \(most recent call last\):/;
const PYTHON_ERROR = /^[A-Za-z_][\w.]{0,200}(?::|$)/;
const PYTHON_CHAIN =
  /^(?:During handling of the above exception|The above exception was the direct)/;
const GO_PANIC = /^(?:panic: |fatal error: |unexpected fault address )/;
const GOROUTINE = /^goroutine \d+ (?:gp=\S+ m=\S+ (?:mp=\S+ )?)?\[/;
const GO_NAME = /^[\w./*()·\-[\]{},~%$\x80-\xff]+$/;
const GO_MORE =
  /^(?:\[signal |panic: |exit status \d+$|\.\.\.\d* ?(?:additional )?frames|r\w{1,5} +0x)/;
const GO_FILE = /^\t\S+\.(?:go|s|c):\d+/;
const RUST = /^thread '.{0,100}?' (?:\(\d+\) )?panicked at /;
const PHP_TRACE = /^(?:PHP )?(?:Stack trace:|\[stacktrace\]|Call Stack:)/;
const PHP_MORE =
  /^(?:PHP )?(?:#\d+ |Next \S|\[previous exception\]|\{main\}|"\} ?$| {1,4}thrown in )/;
const RUBY_LINE = /^\S+:\d+:in [`'"]/;
const RUBY_FROM = /^\s+(?:\d+: )?from \S+:\d+/;
const SOURCE = /^(?:file:\/\/)?\/\S+:\d+$/;
const INDENTED = /^[ \t]+\S/;
const BLANK = /^\s*$/;

/** The state behind the first line of an entry. */
export function firstState(text: string): JoinState {
  return {
    block: firstBlock(text),
    isLogLine: isLogLine(text),
    isError: FAILED.test(text),
    isAlone: true,
  };
}

/** `at CALL(PLACE)`, `at PLACE:LINE`, `at CALL`. */
function isFrame(text: string): boolean {
  if (!FRAME.test(text)) return false;
  return (text.includes("(") && text.includes(")")) || /:\d/.test(text) || /^\s+at \S+$/.test(text);
}

/** `main.run(0x1, 0x2)`, `created by main.run in goroutine 7`, and as zap prints it: `main.run`. */
function isGoFunction(text: string): boolean {
  const rest = text.startsWith("created by ") ? text.slice("created by ".length) : text;
  const space = rest.indexOf(" ");
  const word = space < 0 ? rest : rest.slice(0, space);
  if (!word.includes(".") || !GO_NAME.test(word)) return false;
  const isCall = word.includes("(") && text.endsWith(")");
  return space < 0 || isCall || rest.startsWith(" in goroutine ", space);
}

function isLogLine(text: string): boolean {
  return TIME.test(text) || LEVEL.test(text);
}

function firstBlock(text: string): Block {
  if (TRACEBACK.test(text)) return "python";
  if (GOROUTINE.test(text)) return "goroutine";
  if (GO_PANIC.test(text)) return "go";
  if (RUST.test(text)) return text.endsWith(":") ? "rust-message" : "rust";
  if (/^Error: /.test(text)) return "error";
  if (EXCEPTION.test(text) || CAUSED.test(text)) return "exception";
  if (isFrame(text) || RUBY_FROM.test(text)) return "frames";
  if (SOURCE.test(text)) return "source";
  if (RUBY_LINE.test(text)) return "ruby";
  return /Stack trace:\s*$/.test(text) || PHP_TRACE.test(text) ? "php" : "line";
}

/** Whether `text` belongs to the entry that `state` is of. */
export function nextStep(state: JoinState, text: string): Step {
  const block = nextBlock(state, text);
  if (block === "waits") return { verdict: "waits", state };
  if (block === null) return { verdict: "ends", state };
  return { verdict: "joins", state: { ...state, block, isAlone: false } };
}

/** The block that the entry is in with `text`; null: it ends before. */
function nextBlock(state: JoinState, text: string): Block | "waits" | null {
  if (isFrame(text) || MORE.test(text) || RUBY_FROM.test(text)) {
    return state.block === "rust" ? "rust" : "frames";
  }
  if (NESTED.test(text)) return "frames";
  switch (state.block) {
    case "line":
      return afterLine(state, text);
    case "exception":
    case "error":
      return afterException(state, text);
    case "frames":
      return afterFrame(text);
    case "python":
    case "python-end":
    case "python-chain":
      return afterPython(state.block, text);
    case "go":
    case "goroutine":
    case "go-lines":
      return afterGo(state.block, text);
    case "rust-message":
      return isLogLine(text) ? null : "rust";
    case "rust":
      return INDENTED.test(text) || /^(?:note: |stack backtrace:)/.test(text) ? "rust" : null;
    case "php":
      return INDENTED.test(text) || PHP_MORE.test(text) || PHP_TRACE.test(text) ? "php" : null;
    case "ruby":
      return INDENTED.test(text) || RUBY_LINE.test(text) ? "ruby" : null;
    case "source":
      return afterSource(text);
  }
}

function afterLine(state: JoinState, text: string): Block | "waits" | null {
  const { isAlone, isError, isLogLine: isLog } = state;
  const trace = isAlone && isError ? traceAfterLine(isLog, text) : null;
  if (trace !== null) return trace;
  if (PHP_TRACE.test(text)) return isAlone ? "php" : null;
  return isLog && INDENTED.test(text) ? "line" : null;
}

/** What loggers write below a line that says what failed. */
function traceAfterLine(isLog: boolean, text: string): Block | "waits" | null {
  if (TRACEBACK.test(text)) return "python";
  if (GOROUTINE.test(text)) return "goroutine";
  if (RUBY_LINE.test(text)) return "ruby";
  if (GO_FILE.test(text)) return "go-lines";
  if (!isLog) return null;
  if (QUALIFIED.test(text) || CAUSED.test(text)) return "exception";
  return isGoFunction(text) ? "waits" : null;
}

/** A message may have several lines: they are part of it if frames follow. */
function afterException({ block, isAlone }: JoinState, text: string): Block | "waits" | null {
  if (CAUSED.test(text) || (block === "error" && /^Caused by:/.test(text))) return "exception";
  if (/^Stack backtrace:/.test(text)) return "rust";
  if (PHP_TRACE.test(text)) return "php";
  if (isLogLine(text) || EXCEPTION.test(text) || GO_PANIC.test(text)) return null;
  if (INDENTED.test(text)) return isAlone && block === "error" ? "waits" : block;
  return "waits";
}

function afterFrame(text: string): Block | "waits" | null {
  if (CAUSED.test(text)) return "frames";
  if (INDENTED.test(text) || /^\}$|^Node\.js v\d/.test(text)) return "frames";
  return BLANK.test(text) ? "waits" : null;
}

function afterPython(block: Block, text: string): Block | "waits" | null {
  if (TRACEBACK.test(text)) return block === "python-chain" ? "python" : null;
  if (block === "python-end") {
    if (PYTHON_CHAIN.test(text)) return "python-chain";
    if (BLANK.test(text)) return "waits";
    return INDENTED.test(text) ? "python-end" : null;
  }
  if (block === "python-chain") return BLANK.test(text) ? "waits" : null;
  if (INDENTED.test(text)) return "python";
  return PYTHON_ERROR.test(text) && !isLogLine(text) ? "python-end" : null;
}

function afterGo(block: Block, text: string): Block | "waits" | null {
  if (block === "go-lines") {
    if (GO_FILE.test(text)) return "go-lines";
    return isGoFunction(text) ? "waits" : null;
  }
  if (GOROUTINE.test(text)) return "goroutine";
  if (BLANK.test(text)) return "waits";
  if (GO_MORE.test(text) || /^\t/.test(text)) return block;
  return block === "goroutine" && isGoFunction(text) ? "goroutine" : null;
}

function afterSource(text: string): Block | "waits" | null {
  if (EXCEPTION.test(text)) return "exception";
  return isLogLine(text) ? null : "waits";
}
