import { createHmac } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";

export type ReceivedMail = {
  readonly from: string;
  readonly to: readonly string[];
  /** As it was sent, without the dots that DATA doubles. */
  readonly data: string;
  readonly isEncrypted: boolean;
};

export type Login = {
  readonly method: string;
  readonly identity: string;
  readonly user: string;
  /** Of CRAM-MD5 the digest. */
  readonly password: string;
};

type Options = {
  /** With it STARTTLS is offered, or TLS is from the first byte. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
  readonly isImplicit?: boolean;
  /** Mechanisms that are offered. */
  readonly auth?: readonly string[];
  /** Whether a login is right; without it none is. */
  readonly isKnown?: (login: Login) => boolean;
  /** Other answers than the usual ones, by the command's first word, or END for the mail's end. */
  readonly answers?: Readonly<Record<string, (line: string) => string | null>>;
};

const CHALLENGE = "<1896.697170952@localhost>";

/** The digest that a client has to answer the challenge with. */
export function digestOf(secret: string): string {
  return createHmac("md5", secret).update(CHALLENGE).digest("hex");
}

/** An SMTP server on loopback that keeps what it got. */
export class SmtpReceiver implements AsyncDisposable {
  readonly mails: ReceivedMail[] = [];
  readonly logins: Login[] = [];
  readonly commands: string[] = [];
  readonly port: number;
  readonly options: Options;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, options: Options) {
    this.#server = server;
    this.options = options;
    this.port = (server.address() as AddressInfo).port;
    const event = options.isImplicit ? "secureConnection" : "connection";
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
    });
    server.on("tlsClientError", () => {});
    server.on(event, (socket: Socket) => {
      socket.write("220 localhost ready\r\n");
      new Dialog(this, socket).listen();
    });
  }

  static async open(options: Options = {}): Promise<SmtpReceiver> {
    const { tls, isImplicit = false } = options;
    const server = tls !== undefined && isImplicit ? createTlsServer(tls) : createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new SmtpReceiver(server, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** One connection. */
class Dialog {
  readonly #receiver: SmtpReceiver;
  #socket: Socket;
  #input = "";
  #from = "";
  #to: string[] = [];
  /** What the next line is, where it is no command. */
  #next: ((line: string) => void) | null = null;

  constructor(receiver: SmtpReceiver, socket: Socket) {
    this.#receiver = receiver;
    this.#socket = socket;
  }

  listen(): void {
    this.#socket.on("error", () => {});
    this.#socket.on("data", (chunk) => {
      this.#input += chunk.toString("utf8");
      for (let end = this.#input.indexOf("\r\n"); end >= 0; end = this.#input.indexOf("\r\n")) {
        const line = this.#input.slice(0, end);
        this.#input = this.#input.slice(end + 2);
        this.#take(line);
      }
    });
  }

  #say(...lines: string[]): void {
    const last = lines.length - 1;
    const said = lines.map((line, i) => (i < last ? line.replace(" ", "-") : line));
    this.#socket.write(`${said.join("\r\n")}\r\n`);
  }

  #take(line: string): void {
    if (this.#next !== null) {
      this.#next(line);
      return;
    }
    this.#receiver.commands.push(line);
    const [word = ""] = line.toUpperCase().split(" ");
    const other = this.#receiver.options.answers?.[word];
    const answer = other === undefined ? this.#usual(word, line) : other(line);
    if (answer !== null) this.#say(answer);
  }

  /** Null: it is answered already, or never. */
  #usual(word: string, line: string): string | null {
    switch (word) {
      case "EHLO":
        this.#greet();
        return null;
      case "STARTTLS":
        this.#encrypt();
        return null;
      case "AUTH":
        this.#logIn(line.split(" ").slice(1));
        return null;
      case "MAIL":
        [this.#from, this.#to] = [addressOf(line), []];
        return "250 2.1.0 sender ok";
      case "RCPT":
        this.#to.push(addressOf(line));
        return "250 2.1.5 recipient ok";
      case "DATA":
        this.#readMail();
        return "354 go on";
      case "QUIT":
        this.#socket.end("221 bye\r\n");
        return null;
      default:
        return "502 unknown command";
    }
  }

  #greet(): void {
    const { tls, auth = [] } = this.#receiver.options;
    const offersTls = tls !== undefined && !(this.#socket instanceof TLSSocket);
    this.#say(
      "250 localhost",
      ...(offersTls ? ["250 STARTTLS"] : []),
      ...(auth.length > 0 ? [`250 AUTH ${auth.join(" ")}`] : []),
      "250 8BITMIME",
    );
  }

  #encrypt(): void {
    const { tls } = this.#receiver.options;
    if (tls === undefined) {
      this.#say("502 unknown command");
      return;
    }
    this.#say("220 go ahead");
    this.#socket.removeAllListeners("data");
    this.#socket = new TLSSocket(this.#socket, { isServer: true, ...tls });
    this.listen();
  }

  #logIn([method = "", first]: string[]): void {
    const end = (login: Login) => {
      this.#next = null;
      this.#receiver.logins.push(login);
      const isKnown = this.#receiver.options.isKnown?.(login) ?? false;
      this.#say(isKnown ? "235 2.7.0 welcome" : `535 5.7.8 not ${login.password}`);
    };
    if (method === "PLAIN") {
      const [identity = "", user = "", password = ""] = decoded(first).split("\0");
      end({ method, identity, user, password });
    } else if (method === "LOGIN") {
      this.#say("334 VXNlcm5hbWU6");
      this.#next = (user) => {
        this.#say("334 UGFzc3dvcmQ6");
        const rest = { method, identity: "", user: decoded(user) };
        this.#next = (password) => end({ ...rest, password: decoded(password) });
      };
    } else {
      this.#say(`334 ${Buffer.from(CHALLENGE).toString("base64")}`);
      this.#next = (line) => {
        const [user = "", password = ""] = decoded(line).split(" ");
        end({ method, identity: "", user, password });
      };
    }
  }

  #readMail(): void {
    const lines: string[] = [];
    this.#next = (line) => {
      if (line !== ".") {
        lines.push(line.startsWith(".") ? line.slice(1) : line);
        return;
      }
      this.#next = null;
      const answer = this.#receiver.options.answers?.["END"]?.("") ?? "250 2.0.0 queued as 1";
      const isEncrypted = this.#socket instanceof TLSSocket;
      const [from, to] = [this.#from, [...this.#to]];
      const isTaken = answer.startsWith("2");
      if (isTaken) this.#receiver.mails.push({ from, to, data: lines.join("\r\n"), isEncrypted });
      this.#say(answer);
    };
  }
}

const addressOf = (line: string) => /<([^>]*)>/.exec(line)?.[1] ?? "";
const decoded = (text = "") => Buffer.from(text, "base64").toString();
