// One WebSocket per page: reconnects with back-off and jitter, tells gaps, and knows the service's time.
const FIRST_S = 0.5;
const CEILING_S = 15;

export class Feed {
  #socket = null;
  #attempt = 0;
  #seq = null;
  #timer = null;
  #heard = null;
  #reference = null;
  #handlers = new Map();
  intervalS = 1;
  build = null;

  constructor(serverNow) {
    this.#reference = { server: serverNow, here: performance.now() };
    document.addEventListener("visibilitychange", () => this.#hurry());
    addEventListener("online", () => this.#hurry());
  }

  on(kind, handler) {
    const handlers = this.#handlers.get(kind) ?? [];
    this.#handlers.set(kind, [...handlers, handler]);
    return this;
  }

  // What time the service believes it is: a replayed month runs faster than this machine's clock.
  now() {
    return this.#reference.server + (performance.now() - this.#reference.here);
  }

  // Milliseconds since anything was heard; null before the first message.
  silence() {
    return this.#heard === null ? null : performance.now() - this.#heard;
  }

  get open() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  start() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws`);
    this.#socket = socket;
    socket.onmessage = (event) => this.#take(JSON.parse(event.data));
    socket.onclose = () => {
      if (this.#socket === socket) this.#retry();
    };
  }

  #take(message) {
    this.#heard = performance.now();
    if (message.type === "hello") this.#hello(message);
    if (message.type === "tick") this.#tick(message);
    if (message.type === "bye") this.#retry(message.retry);
    this.#emit(message.type, message);
  }

  #hello(message) {
    this.#attempt = 0;
    this.intervalS = message.interval_s || 1;
    this.#set(message.now);
    // After a break nobody knows what was missed, whatever the numbers say.
    if (this.#seq !== null) this.#emit("gap", message);
    if (this.build !== null && this.build !== message.build) this.#emit("build", message);
    this.build = message.build;
    this.#seq = message.seq;
  }

  #tick(message) {
    const expected = this.#seq + 1;
    this.#seq = message.seq;
    this.#set(message.t);
    if (message.seq !== expected) this.#emit("gap", message);
  }

  #set(server) {
    this.#reference = { server, here: performance.now() };
  }

  #emit(kind, message) {
    for (const handler of this.#handlers.get(kind) ?? []) handler(message);
  }

  #retry(seconds) {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    const step = Math.min(CEILING_S, FIRST_S * 2 ** this.#attempt++);
    const delay = seconds ?? step * (0.5 + Math.random() / 2);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.start(), delay * 1000);
    this.#emit("lost", { delay });
  }

  // Somebody looks at the page again, or the network is back: do not make them wait for the timer.
  #hurry() {
    if (this.#socket || document.visibilityState === "hidden") return;
    clearTimeout(this.#timer);
    this.#attempt = 0;
    this.start();
  }
}
