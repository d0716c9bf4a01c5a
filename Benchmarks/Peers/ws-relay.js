// A relay on the `ws` library, for comparison: whoever connects on /pub/NAME publishes, everybody
// else receives. Clients of all names are one set: a benchmark has one channel.
//
//     NODE_PATH=/usr/share/nodejs node ws-relay.js [--port P] [--tls-port P --cert FILE --key FILE]
'use strict';

const { createServer } = require('http');
const { readFileSync } = require('fs');
const https = require('https');
const { WebSocketServer } = require('ws');

const options = {};
for (let i = 2; i + 1 < process.argv.length; i += 2) {
  options[process.argv[i].replace(/^--/, '')] = process.argv[i + 1];
}

const subscribers = new Set();

function onConnection(socket, request) {
  socket.on('error', () => socket.terminate());
  if (request.url.startsWith('/pub')) {
    socket.on('message', (data, isBinary) => {
      for (const subscriber of subscribers) subscriber.send(data, { binary: isBinary });
    });
  } else {
    subscribers.add(socket);
    socket.on('close', () => subscribers.delete(socket));
  }
}

function listen(server, port, name) {
  // The library's own compression is off unless asked for; said here so that it stays so.
  new WebSocketServer({ server, perMessageDeflate: false }).on('connection', onConnection);
  server.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 }, () => {
    console.log(`${name} on 127.0.0.1:${server.address().port}`);
  });
}

listen(createServer(), options.port || 0, 'listening');
if (options['tls-port']) {
  const credentials = { cert: readFileSync(options.cert), key: readFileSync(options.key) };
  listen(https.createServer(credentials), options['tls-port'], 'listening with TLS');
}
