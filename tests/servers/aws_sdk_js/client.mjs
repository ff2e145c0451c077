// An unmodified SDK at work: lists a bucket again and again with the credentials that its own provider chain finds, and
// tells of each call in a line of JSON. It ends at the first call that fails.
import { fromHttp } from "@aws-sdk/credential-provider-http";
import { ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";

const [bucket, prefix, pause] = process.argv.slice(2);
const s3 = new S3Client({ forcePathStyle: true });
for (;;) {
  try {
    const { accessKeyId } = await s3.config.credentials();
    const found = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
    console.log(JSON.stringify({ key: accessKeyId, found: found.KeyCount }));
  } catch (error) {
    // The default chain says only that no provider had any; the provider itself says why.
    const why = await fromHttp({ maxRetries: 0 })().catch((refused) => refused.Message);
    console.log(JSON.stringify({ failed: `${error.name}: ${error.message}: ${why}` }));
    process.exit(1);
  }
  await new Promise((resume) => setTimeout(resume, Number(pause)));
}
