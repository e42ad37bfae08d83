// A study's event stream that reconnects by itself after a restart of the server or of this machine.

const AGAIN_MS = 1500;

export class Stream {
  constructor(url, handlers, onState) {
    this.url = url;
    this.handlers = handlers;
    this.onState = onState;
    this.source = null;
    // A hidden page needs no connection, and a browser allows six per server.
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", () => this.open());
    if (!document.hidden) this.open();
  }

  open() {
    if (this.source) return;
    const source = (this.source = new EventSource(this.url));
    source.addEventListener("open", () => this.onState("connected"));
    for (const [name, handler] of Object.entries(this.handlers)) {
      source.addEventListener(name, (event) => handler(JSON.parse(event.data)));
    }
    source.addEventListener("error", () => {
      if (this.source !== source) return;
      this.onState("lost");
      if (source.readyState === EventSource.CLOSED) { // the server answered with an error: the browser gives up, we do not
        this.close();
        setTimeout(() => { if (!document.hidden) this.open(); }, AGAIN_MS);
      }
    });
  }

  close() {
    this.source?.close();
    this.source = null;
  }
}
