import { Client as GrpcClient, credentials } from '@grpc/grpc-js';

/** grpc.health.v1.Health/Check of a service, by gRPC's own client: 1 serving, 2 not serving; rejects with gRPC's error. */
export const health = (address: string, service: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const client = new GrpcClient(address, credentials.createInsecure());
    const request = Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)]);
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      (value: Buffer) => value,
      (bytes: Buffer) => bytes,
      request,
      { deadline: Date.now() + 2000 } as never,
      (error: Error | null, answer?: Buffer) => {
        client.close();
        if (error) reject(error);
        else resolve(answer![1]!);
      },
    );
  });
