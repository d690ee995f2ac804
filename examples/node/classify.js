// Recognises pictures through a Graft gateway and prints the answers as JSON.
//
//   npm install && node classify.js 127.0.0.1:50050 faces picture.jpg [more pictures]
//
// Nothing but the proto files is needed. google/rpc/status.proto, which they import, is laid out in build/googleapis
// when Graft is installed from its tree; elsewhere it comes with most gRPC toolchains.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024; // both ends must allow large messages
const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const definition = protoLoader.loadSync('graft/v1/gateway.proto', {
  includeDirs: [root('protos'), root('build/googleapis')],
  keepCase: true,
  longs: Number,
  oneofs: true,
});
const { GatewayService } = grpc.loadPackageDefinition(definition).graft.v1;

const [address, classifier, ...paths] = process.argv.slice(2);
if (!paths.length) {
  console.error('usage: node classify.js HOST:PORT CLASSIFIER PICTURE…');
  process.exit(2);
}

const client = new GatewayService(address, grpc.credentials.createInsecure(), {
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
});
const request = {
  head: { classifier, alias: 'production' },
  images: paths.map((path) => ({ content: readFileSync(path) })),
};

client.Classify(request, { deadline: Date.now() + 60_000 }, (error, response) => {
  client.close();
  if (error) {
    console.error(`${grpc.status[error.code]}: ${error.details}`);
    process.exitCode = 1;
    return;
  }
  const answers = response.results.map((result, index) => ({
    picture: paths[index],
    digest: result.digest.toString('hex'),
    ...(result.outcome === 'error'
      ? { error: result.error.message }
      : { labels: result.classification.labels }),
  }));
  console.log(JSON.stringify({ classifier: response.classifier, version: response.version, answers }, null, 2));
});
