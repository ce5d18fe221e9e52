/* libxml2, with what a hostile page may use up counted while it is read.

   The guard stands in front of libxml2's own tree builder: it sees every element, text and comment before a node is
   made of it, and stops the parser when a bound is passed. */
#pragma once
#include <errno.h>
#include <iconv.h>
#include <libxml/HTMLparser.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <stddef.h>
#include <time.h>

enum { XML_GUARD_PASSED = 0, XML_GUARD_TOO_DEEP = 1, XML_GUARD_TOO_MANY = 2, XML_GUARD_TOO_SLOW = 3 };

typedef struct {
    long nodes_max;
    int depth_max;
    long long cpu_nanoseconds_max;
    long nodes;
    long long cpu_end;
    int verdict;
} xml_guard;

/* What this thread has used of the processor, in nanoseconds. */
static inline long long xml_guard_cpu(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
}

static inline int xml_guard_admits(xmlParserCtxtPtr parser, long nodes) {
    xml_guard *guard = (xml_guard *)parser->_private;
    if (guard->verdict != XML_GUARD_PASSED) return 0;
    long before = guard->nodes;
    guard->nodes += nodes;
    if (parser->nodeNr >= guard->depth_max)
        guard->verdict = XML_GUARD_TOO_DEEP;
    else if (guard->nodes > guard->nodes_max)
        guard->verdict = XML_GUARD_TOO_MANY;
    else if (before / 256 != guard->nodes / 256 && xml_guard_cpu() > guard->cpu_end)
        guard->verdict = XML_GUARD_TOO_SLOW;
    if (guard->verdict == XML_GUARD_PASSED) return 1;
    xmlStopParser(parser);
    return 0;
}

static void xml_guard_start(void *context, const xmlChar *name, const xmlChar **attributes) {
    long nodes = 1;
    for (const xmlChar **each = attributes; each && *each; each += 2) nodes++;
    if (xml_guard_admits((xmlParserCtxtPtr)context, nodes)) xmlSAX2StartElement(context, name, attributes);
}

static void xml_guard_start_ns(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                               int spaces_count, const xmlChar **spaces, int attributes_count, int defaulted,
                               const xmlChar **attributes) {
    if (xml_guard_admits((xmlParserCtxtPtr)context, 1L + spaces_count + attributes_count))
        xmlSAX2StartElementNs(context, name, prefix, uri, spaces_count, spaces, attributes_count, defaulted, attributes);
}

static void xml_guard_text(void *context, const xmlChar *text, int length) {
    if (xml_guard_admits((xmlParserCtxtPtr)context, 1)) xmlSAX2Characters(context, text, length);
}

static void xml_guard_cdata(void *context, const xmlChar *text, int length) {
    if (xml_guard_admits((xmlParserCtxtPtr)context, 1)) xmlSAX2CDataBlock(context, text, length);
}

static void xml_guard_comment(void *context, const xmlChar *text) {
    if (xml_guard_admits((xmlParserCtxtPtr)context, 1)) xmlSAX2Comment(context, text);
}

static void xml_guard_instruction(void *context, const xmlChar *target, const xmlChar *data) {
    if (xml_guard_admits((xmlParserCtxtPtr)context, 1)) xmlSAX2ProcessingInstruction(context, target, data);
}

static inline void xml_guard_install(xmlParserCtxtPtr parser, xml_guard *guard) {
    guard->nodes = 0;
    guard->verdict = XML_GUARD_PASSED;
    guard->cpu_end = xml_guard_cpu() + guard->cpu_nanoseconds_max;
    parser->_private = guard;
    xmlSAXHandlerPtr events = parser->sax;
    events->startElement = xml_guard_start;
    if (events->startElementNs) events->startElementNs = xml_guard_start_ns;
    events->characters = xml_guard_text;
    if (events->cdataBlock) events->cdataBlock = xml_guard_cdata;
    events->comment = xml_guard_comment;
    if (events->processingInstruction) events->processingInstruction = xml_guard_instruction;
}

/* Both expect clean UTF-8 and hand over the document, which may be NULL; the parser never asks the network, loads no
   DTD and replaces no entity. */
static inline xmlDocPtr xml_guard_read_html(const char *bytes, int length, xml_guard *guard) {
    xmlParserCtxtPtr parser = htmlCreateMemoryParserCtxt(bytes, length);
    if (!parser) return NULL;
    xml_guard_install(parser, guard);
    int options = HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET;
    xmlDocPtr document = htmlCtxtReadMemory(parser, bytes, length, NULL, "UTF-8", options);
    htmlFreeParserCtxt(parser);
    return document;
}

static inline xmlDocPtr xml_guard_read_xml(const char *bytes, int length, xml_guard *guard) {
    xmlParserCtxtPtr parser = xmlNewParserCtxt();
    if (!parser) return NULL;
    xml_guard_install(parser, guard);
    int options = XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NONET;
    xmlDocPtr document = xmlCtxtReadMemory(parser, bytes, length, NULL, "UTF-8", options);
    xmlFreeParserCtxt(parser);
    return document;
}

static void xml_silence(void *context, xmlErrorPtr error) {
    (void)context;
    (void)error;
}

/* A context whose errors are told by its last error only; `operations_max` bounds the work of one evaluation. */
static inline xmlXPathContextPtr xml_path_context(xmlDocPtr document, unsigned long operations_max) {
    xmlXPathContextPtr context = xmlXPathNewContext(document);
    if (!context) return NULL;
    context->error = xml_silence;
    context->opLimit = operations_max;
    return context;
}

/* Compiles without a word on standard error. */
static inline xmlXPathCompExprPtr xml_path_compile(const char *expression) {
    xmlXPathContextPtr context = xml_path_context(NULL, 0);
    if (!context) return NULL;
    xmlXPathCompExprPtr compiled = xmlXPathCtxtCompile(context, BAD_CAST expression);
    xmlXPathFreeContext(context);
    return compiled;
}

/* `xmlFree` is a variable, which Swift does not let anybody read. */
static inline void xml_release(void *memory) { xmlFree(memory); }

/* iconv(3) to UTF-8; NULL when the machine does not have the charset. */
static inline void *charset_open(const char *from) {
    iconv_t converter = iconv_open("UTF-8", from);
    return converter == (iconv_t)-1 ? NULL : converter;
}
/* 0, or the number of the error; what was converted and what is left is in the pointers either way. */
static inline int charset_convert(void *converter, const char **in, size_t *in_left, char **out, size_t *out_left) {
    return iconv((iconv_t)converter, (char **)in, in_left, out, out_left) == (size_t)-1 ? errno : 0;
}
static inline void charset_close(void *converter) { iconv_close((iconv_t)converter); }
