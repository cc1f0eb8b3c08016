import { expect, test } from "vitest";
import { awsSignature } from "../../../../aggregator/notify/integrations/aws-signature.ts";

// The example of AWS' own documentation of Signature Version 4: a list of IAM's users.
test("the documented example is signed as documented", () => {
  const request = {
    method: "GET",
    url: new URL("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08"),
    headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
    body: "",
  };
  const keys = {
    ...{ region: "us-east-1", service: "iam", accessKey: "AKIDEXAMPLE" },
    secretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  };
  expect(awsSignature(request, keys, Date.UTC(2015, 7, 30, 12, 36, 0))).toEqual({
    "x-amz-date": "20150830T123600Z",
    authorization:
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, " +
      "SignedHeaders=content-type;host;x-amz-date, " +
      "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
  });
});
