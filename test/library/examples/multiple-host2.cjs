var harmony = require("node-harmony");

var c2 = new harmony.client({
  balance:500 // I'm average at 500 weight
  ,listenport:1080
  ,ack:60*1000
  ,host:"balance.mydomain"
});

/* If you already have a server running and just want to use the balancer then you don't need the code below, just set the listenport above to be whatever port your server is running on */
var http = require("http");
var s2 = http.createServer(function(q,s){
  s.end("served from port 1080, server 2");
  c2.close();
});
s2.listen(1080);
