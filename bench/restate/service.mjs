// SPDX-License-Identifier: Apache-2.0
// The rival's half of bench/calls.sh: a Restate object whose handler makes recorded calls one after the other.
//   node service.mjs NODE_MODULES
// Prints the port it listens on (loopback), and ends when its stdin does.
import http2 from "node:http2";
import { createRequire } from "node:module";

// The SDK uses what Node 20 does not have yet.
Promise.withResolvers ??= function () {
  let resolve, reject;
  const promise = new this((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
};

const restate = createRequire(`${process.argv[2]}/`)("@restatedev/restate-sdk");

const caller = restate.object({
  name: "caller",
  handlers: {
    // One clock, read outside of the recorded function: from before the call until its result is the handler's.
    calls: async (ctx, { calls, bytes }) => {
      const text = "x".repeat(bytes);
      const took_us = [];
      for (let i = 0; i < calls; i++) {
        const began = process.hrtime.bigint();
        const result = await ctx.run("call", () => text);
        took_us.push(Number(process.hrtime.bigint() - began) / 1000);
        if (result.length !== bytes) throw new restate.TerminalError("the result is not what was returned");
      }
      return { took_us };
    },
  },
});

const handler = restate.createEndpointHandler({ services: [caller] });
const server = http2.createServer(handler);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
