// The words and the statuses of Fault (http1_head.h).
#include "wire/http1_head.h"

namespace shore::wire {

std::string_view to_string(Fault fault) {
    switch (fault) {
        case Fault::kNone:
            return "no fault";
        case Fault::kBareLineFeed:
            return "a line ends with LF instead of CRLF";
        case Fault::kBareCarriageReturn:
            return "a CR stands without its LF";
        case Fault::kControlByte:
            return "a control byte stands in the head";
        case Fault::kFoldedLine:
            return "a field is continued on the next line, which HTTP no longer allows";
        case Fault::kSpaceBeforeColon:
            return "white space stands between a field name and its colon";
        case Fault::kNoColon:
            return "a field line has no colon";
        case Fault::kBadFieldName:
            return "a field name is empty or has a forbidden character";
        case Fault::kHeadTooLarge:
            return "the head is larger than the limit";
        case Fault::kTargetTooLong:
            return "the request line is longer than the limit";
        case Fault::kTooManyFields:
            return "the head has more fields than the limit";
        case Fault::kBadRequestLine:
            return "the request line is not 'method target version'";
        case Fault::kBadMethod:
            return "the method is no token or too long";
        case Fault::kBadTarget:
            return "the request target is malformed";
        case Fault::kBadVersion:
            return "the version is not 'HTTP/digit.digit'";
        case Fault::kUnsupportedVersion:
            return "only HTTP/1.0 and HTTP/1.1 are understood here";
        case Fault::kBadStatusLine:
            return "the status line is malformed";
        case Fault::kNoHost:
            return "the Host field is missing";
        case Fault::kManyHosts:
            return "there is more than one Host field";
        case Fault::kBadHost:
            return "the Host field is not 'name' or 'name:port'";
        case Fault::kBadContentLength:
            return "Content-Length is not a number of at most 18 digits";
        case Fault::kManyContentLengths:
            return "there is more than one Content-Length";
        case Fault::kLengthAndEncoding:
            return "Content-Length and Transfer-Encoding stand together";
        case Fault::kBadTransferEncoding:
            return "Transfer-Encoding does not end with one 'chunked'";
        case Fault::kUnsupportedTransferEncoding:
            return "of all transfer encodings only 'chunked' is understood";
        case Fault::kEncodingInOldVersion:
            return "Transfer-Encoding stands in an HTTP/1.0 message";
        case Fault::kUnknownExpectation:
            return "of all expectations only '100-continue' is understood";
        case Fault::kBadChunkSize:
            return "a chunk size is not hexadecimal or too large";
        case Fault::kBadChunkExtension:
            return "a chunk extension is malformed or too long";
        case Fault::kBadChunkEnd:
            return "a chunk does not end with CRLF after its last byte";
        case Fault::kBadTrailer:
            return "a trailer field is malformed";
        case Fault::kTrailerTooLarge:
            return "the trailer section is larger than the limit";
    }
    return "unknown fault";
}

uint16_t status_for(Fault fault) {
    switch (fault) {
        case Fault::kTargetTooLong:
            return 414;
        case Fault::kUnknownExpectation:
            return 417;
        case Fault::kHeadTooLarge:
        case Fault::kTooManyFields:
        case Fault::kTrailerTooLarge:
            return 431;
        case Fault::kUnsupportedTransferEncoding:
            return 501;
        case Fault::kUnsupportedVersion:
            return 505;
        default:
            return 400;
    }
}

}  // namespace shore::wire
