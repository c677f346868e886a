var harmony = require("node-harmony");

var c1 = new harmony.client({
  balance:1000             // I'm big at 1000 weight
  ,listenport:1080         // My server is on port 1080 - I run alongside Express and other sugar
  ,ack:60*1000             // I want to send an "I'm alive" message every minute
  ,host:"balance.mydomain" // Hostname of the balancer 
});

/* If you already have a server running and just want to use the balancer then you don't need the code below, just set the listenport above to be whatever port your server is running on */
var http = require("http");
var s1 = http.createServer(function(q,s){
  s.end("served from port 1080, server 1");
  c1.close();
});
s1.listen(1080);
