// An unmodified SDK at work: lists a bucket again and again with the credentials that its own provider chain finds, and
// tells of each call in a line of JSON. It ends at the first call that fails.
import { fromHttp } from "@aws-sdk/credential-provider-http";
import { fromProcess } from "@aws-sdk/credential-provider-process";
import { ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";

// The default chain says only that no provider had any; the provider itself says why, where it is the one in use.
async function reason() {
  try {
    if (process.env.AWS_CONTAINER_CREDENTIALS_FULL_URI) await fromHttp({ maxRetries: 0 })();
    else if (process.env.AWS_PROFILE) await fromProcess()();
    return "";
  } catch (refused) {
    return refused.Message ?? refused.message;
  }
}

const [bucket, prefix, pause] = process.argv.slice(2);
const s3 = new S3Client({ forcePathStyle: true });
for (;;) {
  try {
    const { accessKeyId } = await s3.config.credentials();
    const found = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
    console.log(JSON.stringify({ key: accessKeyId, found: found.KeyCount }));
  } catch (error) {
    console.log(JSON.stringify({ failed: `${error.name}: ${error.message}: ${await reason()}` }));
    process.exit(1);
  }
  await new Promise((resume) => setTimeout(resume, Number(pause)));
}
